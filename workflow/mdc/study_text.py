"""The study in words: its tables as Markdown with the sentences that follow from them, written by rule.

Whether something is called shown is decided by `mdc.study.verdict` alone, so that no sentence is kinder than its table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.errors import InputError
from mdc.files import write_whole
from mdc.settings import STUDY_TABLES
from mdc.study import STAGES, verdict

BEGIN, END = "<!-- results/study/study.md begins -->", "<!-- results/study/study.md ends -->"
ROWS = [
    ("all background", "all-background"),
    ("salient pixels, class by the maps", "salient-fusion"),
    ("d=1", "d1"),
    ("d=3", "d3"),
    ("d=6", "d6"),
    ("d=9", "d9"),
    ("fusion", "fusion"),
    ("mean of the four", "mean"),
    ("d=1, own best threshold", "d1@best"),
    ("d=3, own best threshold", "d3@best"),
    ("d=6, own best threshold", "d6@best"),
    ("d=9, own best threshold", "d9@best"),
    ("fusion, own best threshold", "fusion@best"),
    ("mean of the four, own best threshold", "mean@best"),
    ("fusion of an untrained classifier's maps", "fusion@untrained"),
    ("fusion, true objects as saliency", "fusion@true-saliency"),
    ("true masks", "true-masks"),
]
HEADS = {"pseudo masks": "As pseudo masks", "segmenter": "As segmenters", "segmenter + CRF": "With the CRF"}
REGION_THRESHOLD = 0.3  # of a map's maximum, the paper's, at which the maps are compared
NEAR_PX = (12, 24)  # from the head's outline, where d=9 still answers and bodies end


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables that `mdc.study.tabulate_study` wrote.

    Raises:
        InputError: one of them is missing.
    """
    missing = [name for name in STUDY_TABLES if not (folder / f"{name}.csv").is_file()]
    if missing:
        raise InputError(f"{folder}: there is no {missing[0]}.csv: run `make study`")
    text = {"crf": str, "setting": str, "maps": str, "positives": str}
    return {name: pd.read_csv(folder / f"{name}.csv", dtype=text) for name in STUDY_TABLES}


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Return a table whose first `words` columns are words and the others numbers."""
    rule = "|" + "".join("---|" if number < words else "---:|" for number in range(len(header)))
    return "\n".join(["| " + " | ".join(header) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def _number(value: float, digits: int = 1) -> str:
    return "" if value != value else f"{value:.{digits}f}"


def _count(number: float, noun: str) -> str:
    return f"{number:.0f} {noun}" + ("" if number == 1 else "s")


def _score(row: Mapping[str, float] | None) -> str:
    """Return mean, spread over seeds and interval over images in one cell."""
    if row is None:
        return ""
    spread = "" if row["sd"] != row["sd"] else f" ± {row['sd']:.1f}"
    return f"{row['miou']:.1f}{spread} [{row['low']:.1f}, {row['high']:.1f}]"


def _found(table: pd.DataFrame, **values: str) -> Mapping[str, float] | None:
    for column, value in values.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


def _names(masks: str) -> tuple[str, str]:
    """Return the results on training and validation images that a row of the tables is about."""
    if masks in ("all-background", "true-masks"):
        return masks, masks
    return (masks if masks.startswith("salient-") else f"pseudo-{masks}"), f"weak-{masks}"


def scores_table(results: pd.DataFrame, dataset: str) -> str:
    """Return the table of all settings of a dataset: pseudo masks, segmenter, segmenter with CRF."""
    table = results[results["dataset"] == dataset]
    rows = []
    for label, masks in ROWS:
        pseudo, segmenter = _names(masks)
        cells = [
            _found(table, split="train", setting=pseudo, crf="false"),
            _found(table, split="val", setting=segmenter, crf="false"),
            _found(table, split="val", setting=segmenter, crf="true"),
        ]
        if any(cell is not None for cell in cells):
            shown = cells[2] if cells[2] is not None else cells[1]
            extra = (
                ["", "", ""] if shown is None else [_number(shown[c]) for c in ("unseen", "one_tag", "several_tags")]
            )
            rows.append([label, *map(_score, cells), *extra])
    header = ["masks", "pseudo masks", "segmenter", "segmenter + CRF", "unseen seed", "one tag", "several tags"]
    return _markdown(header, rows)


def _difference(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    shown = {"yes": "**yes**", "no, the reverse": "**reverse**", "not shown": "not shown"}[verdict(row)]
    return (
        f"{row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}], "
        f"{row['seeds_above']:.0f} of {row['seeds']:.0f}: {shown}"
    )


def claims_table(differences: pd.DataFrame, dataset: str) -> str:
    """Return the table of all claims on a dataset: a paired difference per stage and whether it is shown."""
    table = differences[differences["dataset"] == dataset]
    rows = []
    for claim, first in table[["claim", "first"]].drop_duplicates().itertuples(index=False):
        part = table[(table["claim"] == claim) & (table["first"] == first)]
        of_one = part["first"].eq(part["second"]).all()
        cells = [_difference(_found(part, stage=stage)) for stage in STAGES]
        rows.append([f"{claim} ({first})" if of_one else claim, *cells])
    return _markdown(["claim", *STAGES], rows)


def maps_table(tables: Mapping[str, pd.DataFrame], dataset: str) -> str:
    """Return precision, recall and IoU of the maps' object regions, at the paper's threshold and at each one's best."""
    table = tables["regions"][tables["regions"]["dataset"] == dataset]
    precision = tables["precision"][tables["precision"]["dataset"] == dataset]
    rows = []
    for maps, part in table.groupby("maps", sort=False):
        at = part.iloc[(part["threshold"] - REGION_THRESHOLD).abs().argmin()]
        best = part.loc[part["iou"].idxmax()]
        ap = _found(precision, block=maps)
        rows.append(
            [
                str(maps),
                "" if ap is None else f"{100 * ap['map']:.1f} [{100 * ap['low']:.1f}, {100 * ap['high']:.1f}]",
                *(_number(100 * at[name]) for name in ("precision", "recall", "iou")),
                f"{best['threshold']:.2f}",
                _number(100 * best["iou"]),
            ]
        )
    header = ["maps", "AP on val", "precision", "recall", "IoU", "best threshold", "IoU there"]
    return _markdown(header, rows)


def seen_sentence(seen: pd.DataFrame, dataset: str) -> str:
    """Return how many true and false positives two or more blocks see, as a sentence."""
    table = seen[(seen["dataset"] == dataset) & np.isclose(seen["threshold"], REGION_THRESHOLD)]
    share = table[table["blocks"] > 1].groupby("positives")["share"].sum()
    if share.empty:
        return ""
    return (
        f"At {REGION_THRESHOLD:g} of the maximum, {100 * share['true']:.0f} % of the true positives and "
        f"{100 * share['false']:.0f} % of the false ones lie in the regions of two or more blocks."
    )


def sizes_rows(sizes: pd.DataFrame, dataset: str) -> str:
    """Return the best threshold and the IoU there by quartile of object size, for d=1 and fusion (paper §4.3.1)."""
    table = sizes[(sizes["dataset"] == dataset) & sizes["maps"].isin(["d1", "fusion"])]
    quartiles = list(dict.fromkeys(table["size"]))
    rows = []
    for maps, part in table.groupby("maps", sort=False):
        best = [part[part["size"] == size].sort_values("iou").iloc[-1] for size in quartiles]
        rows.append([str(maps), *(f"{row['threshold']:.2f} ({100 * row['iou']:.0f})" for row in best)])
    return _markdown(["maps", *quartiles], rows)


def response_rows(response: pd.DataFrame) -> str:
    """Return the response between `NEAR_PX` pixels from the head on body, distractor and background, by dataset."""
    table = response[(response["from_px"] >= NEAR_PX[0]) & (response["to_px"] <= NEAR_PX[1])]
    rows = []
    for (dataset, maps), part in table.groupby(["dataset", "maps"], sort=False):
        means = {
            region: np.average(rows_["response"], weights=rows_["pixels"]) for region, rows_ in part.groupby("region")
        }
        ratio = means["body"] / max(means["background"], 1e-12)
        rows.append(
            [
                str(dataset),
                str(maps),
                *(f"{means[r]:.2f}" for r in ("body", "distractor", "background")),
                f"{ratio:.2f}",
            ]
        )
    return _markdown(["dataset", "maps", "body", "distractor", "background", "body : background"], rows, words=2)


def calibration_rows(calibration: pd.DataFrame) -> str:
    """Return what the training images of each dataset are like, a column per dataset."""
    wide = calibration.pivot_table(index="measure", columns="dataset", values="value", sort=False)
    rows = [
        [str(measure), *(f"{value:.3g}" for value in row)]
        for measure, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return _markdown(["training images", *map(str, wide.columns)], rows)


def ceiling_sentence(results: pd.DataFrame, dataset: str) -> str:
    """Return how far the best weak setting with CRF gets towards the segmenter of true masks, as a sentence."""
    table = results[(results["dataset"] == dataset) & (results["split"] == "val") & (results["crf"] == "true")]
    ceiling = _found(table, setting="true-masks")
    weak = _found(table, setting="weak-fusion")
    if ceiling is None or weak is None:
        return ""
    share = weak["miou"] / ceiling["miou"]
    return (
        f"Fusion's segmenter with CRF reaches {weak['miou']:.1f}, {100 * share:.0f} % of the {ceiling['miou']:.1f} "
        "that true masks give."
    )


def claims_sentences(differences: pd.DataFrame, dataset: str, stage: str) -> list[str]:
    """Return up to three sentences: which claims are shown at a stage, whose reverse is, and what is not shown."""
    table = differences[(differences["dataset"] == dataset) & (differences["stage"] == stage)]
    told = {"yes": [], "no, the reverse": [], "not shown": []}
    for row in table.to_dict("records"):
        of_one = f" for {row['first']}" if row["first"] == row["second"] else ""
        told[verdict(row)].append(f"{row['claim']}{of_one} ({row['difference']:+.1f})")
    heads = {"yes": "shown", "no, the reverse": "the reverse is shown", "not shown": "not shown either way"}
    return [f"- {HEADS[stage]}, {heads[kind]}: {'; '.join(items)}." for kind, items in told.items() if items]


def study_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the section of results, as Markdown, from the tables of `mdc.study.tabulate_study`."""
    results, calibration = tables["results"], tables["calibration"]
    weak = results[(results["split"] == "val") & results["setting"].str.startswith("weak-")]
    parts = []
    for dataset in weak["dataset"].unique():
        images = _found(calibration, dataset=dataset, measure="images")["value"]
        seeds = weak[weak["dataset"] == dataset]["seeds"].max()
        sentences = [line for stage in STAGES for line in claims_sentences(tables["differences"], dataset, stage)]
        parts += [
            f"### {dataset}: {_count(seeds, 'seed')}, {images:.0f} training images",
            scores_table(results, dataset),
            ceiling_sentence(results, dataset),
            "\n".join(sentences),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def details_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return what the README's section leaves out, as Markdown: claims by stage, maps, sizes, responses, data."""
    parts = ["# The study in detail"]
    for dataset in tables["results"]["dataset"].unique():
        parts += [f"## {dataset}", "### Claims", claims_table(tables["differences"], dataset)]
        parts += ["### Maps", maps_table(tables, dataset), seen_sentence(tables["seen"], dataset)]
        parts += ["### Best threshold (IoU) by size of the object", sizes_rows(tables["sizes"], dataset)]
    parts += ["## Response near the head", response_rows(tables["response"])]
    parts += ["## Data", calibration_rows(tables["calibration"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def with_section(readme: str, section: str) -> str:
    """Return `readme` with `section` between its two marks.

    Raises:
        InputError: the marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: the lines {BEGIN} and {END} are missing, between which the results belong")
    return f"{before}{begin}\n{section}\n{end}{after}"


def main() -> None:
    """Put the section of results/study/study.md into README.md."""
    readme, section = Path("README.md"), Path("results/study/study.md")
    write_whole(readme, with_section(readme.read_text(), section.read_text()).encode())


if __name__ == "__main__":
    main()
