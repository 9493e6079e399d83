"""The study in words: its tables as Markdown with the sentences that follow from them, written by rule.

Whether something is called shown is decided by `mdc.study.tables.verdict` alone, so that no
sentence is kinder than its table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.study.names import STUDY_TABLES
from mdc.study.tables import STAGES, verdict

BEGIN, END = "<!-- results/study/study.md begins -->", "<!-- results/study/study.md ends -->"
ROWS = {
    "all-background": "all background",
    "salient-fusion": "salient pixels, class by the maps",
    "d1": "d=1",
    "d3": "d=3",
    "d6": "d=6",
    "d9": "d=9",
    "fusion": "fusion",
    "mean": "mean of the four",
    "d1@best": "d=1, own threshold",
    "d3@best": "d=3, own threshold",
    "d6@best": "d=6, own threshold",
    "d9@best": "d=9, own threshold",
    "fusion@best": "fusion, own threshold",
    "mean@best": "mean of the four, own threshold",
    "true-masks": "true masks",
}
VARIANTS = {
    "untrained": "of an untrained classifier's maps",
    "no-online": "without the online term",
    "online-at-once": "online term from the start",
    "conflicts-ignored": "conflicts ignored",
    "background-wins": "background wins conflicts",
    "object-wins": "object wins conflicts",
    "no-saliency": "without saliency",
    "true-saliency": "true objects as saliency",
}
ROWS |= {f"fusion@{name}": f"fusion, {words}" for name, words in VARIANTS.items()}
HEADS = {"pseudo masks": "As pseudo masks", "segmenter": "As segmenters", "segmenter + CRF": "With the CRF"}
KINDS = {"yes": "shown", "no, the reverse": "the reverse is shown", "not shown": "not shown either way"}
COMPARED_AT = 0.3  # of a map's maximum, the paper's threshold, at which the maps are compared


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables that `mdc.study.tables.tabulate_study` wrote.

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


def _with_spread(value: float, sd: float, digits: int = 1) -> str:
    return _number(value, digits) + ("" if sd != sd else f" ± {sd:.{digits}f}")


def _count(number: float, noun: str) -> str:
    return f"{number:.0f} {noun}" + ("" if number == 1 else "s")


def _score(row: Mapping[str, float] | None) -> str:
    """Return mean, spread over seeds and interval over images in one cell."""
    if row is None:
        return ""
    return f"{_with_spread(row['miou'], row['sd'])} [{row['low']:.1f}, {row['high']:.1f}]"


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
    for masks, label in ROWS.items():
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


def pseudo_table(results: pd.DataFrame, dataset: str) -> str:
    """Return the pseudo masks of a dataset with unlabelled pixels as misses, without them, and the labelled share."""
    table = results[(results["dataset"] == dataset) & (results["split"] == "train")]
    rows = [
        [row["setting"], _score(row), _number(row["miou_labelled"]), _number(row["labelled"])]
        for row in table.to_dict("records")
    ]
    return _markdown(["pseudo masks", "mIoU, unlabelled as missed", "mIoU of labelled pixels", "% labelled"], rows)


def _difference(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    shown = {"yes": "**yes**", "no, the reverse": "**reverse**", "not shown": "not shown"}[verdict(row)]
    unseen = "" if row["unseen"] != row["unseen"] else f", unseen {row['unseen']:+.1f}"
    return (
        f"{row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}], "
        f"{row['seeds_above']:.0f} of {row['seeds']:.0f}{unseen}: {shown}"
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
        at = part.iloc[(part["threshold"] - COMPARED_AT).abs().argmin()]
        best = part.loc[part["iou"].idxmax()]
        ap = _found(precision, block=maps)
        rows.append(
            [
                str(maps),
                "" if ap is None else f"{100 * ap['map']:.1f} [{100 * ap['low']:.1f}, {100 * ap['high']:.1f}]",
                *(_with_spread(100 * at[name], 100 * at[f"{name}_sd"]) for name in ("precision", "recall", "iou")),
                f"{best['threshold']:.2f}",
                _with_spread(100 * best["iou"], 100 * best["iou_sd"]),
            ]
        )
    chance = "" if precision.empty else f" (chance {100 * precision['prevalence'].iloc[0]:.1f})"
    header = ["maps", f"AP on val{chance}", "precision", "recall", "IoU", "best threshold", "IoU there"]
    return _markdown(header, rows)


def seen_sentence(seen: pd.DataFrame, dataset: str) -> str:
    """Return how many true and false positives two or more blocks see, as a sentence."""
    table = seen[(seen["dataset"] == dataset) & np.isclose(seen["threshold"], COMPARED_AT)]
    share = table[table["blocks"] > 1].groupby("positives")["share"].sum()
    if share.empty:
        return ""
    return (
        f"At {COMPARED_AT:g} of the maximum, {100 * share['true']:.0f} % of the true positives and "
        f"{100 * share['false']:.0f} % of the false ones lie in the regions of two or more blocks."
    )


def _best_by_size(sizes: pd.DataFrame, dataset: str, maps: str) -> pd.DataFrame:
    """Return, for each quartile of object size, the row with the highest IoU over the thresholds."""
    table = sizes[(sizes["dataset"] == dataset) & (sizes["maps"] == maps)].dropna(subset=["iou"])
    return table.loc[table.groupby("size", sort=False)["iou"].idxmax()]


def sizes_rows(sizes: pd.DataFrame, dataset: str) -> str:
    """Return the best threshold and the IoU there by quartile of object size, for d=1 and fusion (paper §4.3.1)."""
    quartiles = list(dict.fromkeys(sizes[sizes["dataset"] == dataset]["size"]))
    rows = []
    for maps in ("d1", "fusion"):
        best = _best_by_size(sizes, dataset, maps).set_index("size")
        if len(best):
            cells = [
                f"{best.loc[q, 'threshold']:.2f} ({100 * best.loc[q, 'iou']:.0f})" if q in best.index else ""
                for q in quartiles
            ]
            rows.append([maps, *cells])
    return _markdown(["maps", *quartiles], rows)


def sizes_sentence(sizes: pd.DataFrame, dataset: str) -> str:
    """Return over what range the best threshold moves with the size of objects, for d=1 and fusion, as a sentence."""
    words = []
    for maps in ("d1", "fusion"):
        best = _best_by_size(sizes, dataset, maps)
        if len(best) > 1:
            ends = [best.iloc[0], best.iloc[-1]]
            words.append(
                f"for {maps} it is {ends[0]['threshold']:.2f} for the {ends[0]['size']} objects and "
                f"{ends[1]['threshold']:.2f} for the {ends[1]['size']}"
            )
    return f"- Best threshold by size of the object (§4.3.1): {'; '.join(words)}." if words else ""


def _percent(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    value = _with_spread(100 * row["contrast"], 100 * row["sd"])
    return f"{value} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def contrast_rows(contrast: pd.DataFrame) -> str:
    """Return how much more the maps answer on a body than at the same distance elsewhere, in percent of the maximum."""
    rows = []
    for (dataset, maps), part in contrast.groupby(["dataset", "maps"], sort=False):
        cells = [_percent(_found(part, region=region)) for region in ("background", "distractor")]
        rows.append([str(dataset), str(maps), *cells])
    return _markdown(["dataset", "maps", "body less background", "body less distractor"], rows, words=2)


def contrast_sentence(contrast: pd.DataFrame, dataset: str) -> str:
    """Return whether the blocks follow the body of an object or draw a circle around its head, as a sentence."""
    table = contrast[(contrast["dataset"] == dataset) & (contrast["region"] == "background")].set_index("maps")
    blocks = [name for name in table.index if str(name).startswith("d")]
    if not blocks:
        return ""
    words = [
        f"{name} {100 * table.loc[name, 'contrast']:+.1f} [{100 * table.loc[name, 'low']:+.1f}, "
        f"{100 * table.loc[name, 'high']:+.1f}]"
        for name in blocks
    ]
    return (
        f"- Circle or body ({dataset}): at the same distance from the same head, maps answer on the body more than on "
        f"the background by, in percent of their maximum, {'; '.join(words)}. A circle around the head would give 0."
    )


def calibration_rows(calibration: pd.DataFrame) -> str:
    """Return what the training images of each dataset are like, a column per dataset."""
    wide = calibration.pivot_table(index="measure", columns="dataset", values="value", sort=False)
    rows = [
        [str(measure), *(f"{value:.3g}" for value in row)]
        for measure, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return _markdown(["training images", *map(str, wide.columns)], rows)


def ceiling_sentence(results: pd.DataFrame, dataset: str) -> str:
    """Return how far fusion with the CRF gets from all background towards true masks, as a sentence."""
    table = results[(results["dataset"] == dataset) & (results["split"] == "val")]
    floor = _found(table, setting="all-background")
    ceiling, weak = (_found(table, setting=name, crf="true") for name in ("true-masks", "weak-fusion"))
    if floor is None or ceiling is None or weak is None:
        return ""
    share = (weak["miou"] - floor["miou"]) / (ceiling["miou"] - floor["miou"])
    return (
        f"From all background, {floor['miou']:.1f}, to true masks, {ceiling['miou']:.1f}, fusion with the CRF gets "
        f"{100 * share:.0f} % of the way, to {weak['miou']:.1f}."
    )


def claims_sentences(differences: pd.DataFrame, dataset: str) -> list[str]:
    """Return up to three sentences on the last stage compared: what is shown, the reverse of what, and what is not."""
    table = differences[differences["dataset"] == dataset]
    stage = next((stage for stage in reversed(STAGES) if (table["stage"] == stage).any()), "")
    told: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for row in table[table["stage"] == stage].to_dict("records"):
        of_one = f" for {row['first']}" if row["first"] == row["second"] else ""
        told[verdict(row)].append(f"{row['claim']}{of_one}")
    return [f"- {HEADS[stage]}, {KINDS[kind]}: {'; '.join(items)}." for kind, items in told.items() if items]


def _called(tables: Mapping[str, pd.DataFrame], dataset: str, first: str, second: str) -> str:
    """Return what the differences call a comparison at the last stage, `not compared` if there is none."""
    table = tables["differences"]
    is_it = (table["dataset"] == dataset) & (table["first"] == first) & (table["second"] == second)
    rows = table[is_it].to_dict("records")
    return KINDS[verdict(rows[-1])] if rows else "not compared"


def reviewer_sentences(tables: Mapping[str, pd.DataFrame], dataset: str) -> list[str]:
    """Return what a fair reviewer would add to the table: the row to beat, the best dilation, images with one tag.

    Compared are segmenters, with the CRF where there is one.
    """
    table = tables["results"][(tables["results"]["dataset"] == dataset) & (tables["results"]["split"] == "val")]
    crf = "true" if (table["crf"] == "true").any() else "false"
    rows = table[table["crf"] == crf].set_index("setting")
    sentences = []
    if {"weak-fusion", "weak-salient-fusion"} <= set(rows.index):
        ours, baseline = rows.loc["weak-fusion"], rows.loc["weak-salient-fusion"]
        beaten = "ahead of" if ours["miou"] > baseline["miou"] else "behind"
        sentences.append(
            f"- The row to beat trusts saliency and takes only the class from the maps: {baseline['miou']:.1f}; fusion "
            f"is {beaten} it with {ours['miou']:.1f} ({_called(tables, dataset, 'fusion', 'salient-fusion')}). Its "
            "saliency threshold was fitted to true masks of training images, fusion's is the paper's."
        )
        share = _found(tables["calibration"], dataset=dataset, measure="images with several tags")
        if share is not None:
            sentences.append(
                f"- With one tag the class comes free, and {100 * (1 - share['value']):.0f} % of the training images "
                f"have one. On validation images with several, fusion has {_number(ours['several_tags'])} and the row "
                f"to beat {_number(baseline['several_tags'])}."
            )
    if {"weak-fusion@best", "weak-fusion@untrained"} <= set(rows.index):
        trained, untrained = (rows.loc[f"weak-fusion@{name}"]["miou"] for name in ("best", "untrained"))
        sentences.append(
            f"- With maps of a classifier that was never trained, the same recipe reaches {untrained:.1f} instead of "
            f"{trained:.1f} ({_called(tables, dataset, 'fusion@best', 'fusion@untrained')}): that much needs tags, "
            "saliency and the CRF only."
        )
    single = [name for name in rows.index if str(name).startswith("weak-d") and str(name)[6:].isdigit()]
    if len(single) > 1 and "weak-fusion" in rows.index:
        best = rows.loc[single]["miou"].idxmax()
        sentences.append(
            f"- The best single dilation, {best.removeprefix('weak-')}, has {rows.loc[best]['miou']:.1f}, fusion "
            f"{rows.loc['weak-fusion']['miou']:.1f}; which of them is best was not known beforehand."
        )
    if {"weak-fusion@true-saliency", "weak-fusion@best"} <= set(rows.index):
        gain = rows.loc["weak-fusion@true-saliency"]["miou"] - rows.loc["weak-fusion@best"]["miou"]
        sentences.append(f"- Saliency without a fault changes fusion by {gain:+.1f}, each at its own threshold.")
    counted = tables["differences"][tables["differences"]["dataset"] == dataset]
    shown = sum(verdict(row) != "not shown" for row in counted.to_dict("records"))
    sentences.append(
        f"- {len(counted)} differences were looked at and {shown} called shown; with so many, one in twenty intervals "
        "leaves out 0 by chance."
    )
    return sentences


def study_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the section of results, as Markdown, from the tables of `mdc.study.tables.tabulate_study`."""
    results, calibration = tables["results"], tables["calibration"]
    weak = results[(results["split"] == "val") & results["setting"].str.startswith("weak-")]
    parts = []
    for dataset in weak["dataset"].unique():
        images = _found(calibration, dataset=dataset, measure="images")["value"]
        seeds = weak[weak["dataset"] == dataset]["seeds"].max()
        sentences = claims_sentences(tables["differences"], dataset)
        sentences.append(f"- {seen_sentence(tables['seen'], dataset)}")
        sentences.append(sizes_sentence(tables["sizes"], dataset))
        parts += [
            f"### {dataset}: {_count(seeds, 'seed')}, {images:.0f} training images",
            scores_table(results, dataset),
            ceiling_sentence(results, dataset),
            "Differences in mIoU, each with its interval, in how many seeds it is above 0, and whether it is shown:",
            claims_table(tables["differences"], dataset),
            "\n".join(line for line in sentences if len(line) > 2),
            "\n".join(["What a reviewer would add:", "", *reviewer_sentences(tables, dataset)]),
        ]
    contrasts = [contrast_sentence(tables["contrast"], name) for name in tables["contrast"]["dataset"].unique()]
    if contrasts:
        parts += ["### Do the maps follow the body?", "\n".join(filter(None, contrasts))]
    return "\n\n".join(part for part in parts if part) + "\n"


def details_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return what the README's section leaves out, as Markdown: pseudo masks, maps, sizes, responses, data."""
    parts = ["# The study in detail"]
    for dataset in tables["results"]["dataset"].unique():
        parts += [f"## {dataset}", "### Pseudo masks", pseudo_table(tables["results"], dataset)]
        parts += ["### Maps", maps_table(tables, dataset), seen_sentence(tables["seen"], dataset)]
        parts += ["### Best threshold (IoU) by size of the object", sizes_rows(tables["sizes"], dataset)]
    parts += ["## Body against the same distance elsewhere", contrast_rows(tables["contrast"])]
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
