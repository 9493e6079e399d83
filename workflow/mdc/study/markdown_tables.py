"""The tables of the study as Markdown."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mdc.study.claims import STAGES, verdict

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
    "online": "with the online term",
    "online-at-once": "online term from the start",
    "conflicts-ignored": "conflicts ignored",
    "background-wins": "background wins conflicts",
    "object-wins": "object wins conflicts",
    "no-saliency": "without saliency",
    "true-saliency": "true objects as saliency",
}
ROWS |= {f"fusion@{name}": f"fusion, {words}" for name, words in VARIANTS.items()}
# The rows of the README's table, and its columns: the split and whether the CRF was applied, of each number in a cell.
OVERVIEW = ("all-background", "salient-fusion", "d1", "d3", "d6", "d9", "fusion", "mean", "true-masks")
OVERVIEW_COLUMNS = {"pseudo masks": [("train", "false")], "segmenter / + CRF": [("val", "false"), ("val", "true")]}
COMPARED_AT = 0.3  # of a map's maximum, the paper's threshold, at which the maps are compared


def found_row(table: pd.DataFrame, **values: str) -> Mapping[str, float] | None:
    """Return the row of a table whose columns have these values; None if there is none."""
    for column, value in values.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Return a table whose first `words` columns are words and the others numbers."""
    rule = "|" + "".join("---|" if number < words else "---:|" for number in range(len(header)))
    return "\n".join(["| " + " | ".join(header) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float, digits: int = 1) -> str:
    return "" if value != value else f"{value:.{digits}f}"


def counted(count: float, noun: str) -> str:
    """Return a number with its noun: `1 seed`, `3 seeds`."""
    return f"{count:.0f} {noun}" + ("" if count == 1 else "s")


def _with_spread(value: float, sd: float, digits: int = 1) -> str:
    return number(value, digits) + ("" if sd != sd else f" ± {sd:.{digits}f}")


def _score(row: Mapping[str, float] | None) -> str:
    """Return mean, spread over seeds and interval over images in one cell."""
    if row is None:
        return ""
    return f"{_with_spread(row['miou'], row['sd'])} [{row['low']:.1f}, {row['high']:.1f}]"


def _names(masks: str) -> tuple[str, str]:
    """Return the results on training and validation images that a row of the tables is about."""
    if masks in ("all-background", "true-masks"):
        return masks, masks
    return f"pseudo-{masks}", f"weak-{masks}"


def scores_table(results: pd.DataFrame, dataset: str) -> str:
    """Return the table of all settings of a dataset: pseudo masks, segmenter, segmenter with CRF."""
    table = results[results["dataset"] == dataset]
    rows = []
    for masks, label in ROWS.items():
        pseudo, segmenter = _names(masks)
        cells = [
            found_row(table, split="train", setting=pseudo, crf="false"),
            found_row(table, split="val", setting=segmenter, crf="false"),
            found_row(table, split="val", setting=segmenter, crf="true"),
        ]
        if any(cell is not None for cell in cells):
            shown = cells[2] if cells[2] is not None else cells[1]
            extra = ["", "", ""] if shown is None else [number(shown[c]) for c in ("unseen", "one_tag", "several_tags")]
            rows.append([label, *map(_score, cells), *extra])
    header = ["masks", "pseudo masks", "segmenter", "segmenter + CRF", "unseen seed", "one tag", "several tags"]
    return markdown(header, rows)


def overview_table(results: pd.DataFrame, datasets: Sequence[str]) -> str:
    """Return the table of the main settings on several datasets: mean and standard deviation over seeds."""
    rows = []
    for masks in OVERVIEW:
        cells = []
        for dataset in datasets:
            table = results[results["dataset"] == dataset]
            for column in OVERVIEW_COLUMNS.values():
                found = [
                    found_row(table, split=split, setting=_names(masks)[split == "val"], crf=crf)
                    for split, crf in column
                ]
                scores = [_with_spread(row["miou"], row["sd"]) for row in found if row is not None]
                cells.append(" / ".join(scores))
        rows.append([ROWS[masks], *cells])
    return markdown(["masks", *(f"{name}: {column}" for name in datasets for column in OVERVIEW_COLUMNS)], rows)


def pseudo_table(results: pd.DataFrame, dataset: str) -> str:
    """Return the pseudo masks of a dataset with unlabelled pixels as misses, without them, and the labelled share."""
    table = results[(results["dataset"] == dataset) & (results["split"] == "train")]
    rows = [
        [row["setting"], _score(row), number(row["miou_labelled"]), number(row["labelled"])]
        for row in table.to_dict("records")
    ]
    return markdown(["pseudo masks", "mIoU, unlabelled as missed", "mIoU of labelled pixels", "% labelled"], rows)


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
        cells = [_difference(found_row(part, stage=stage)) for stage in STAGES]
        rows.append([f"{claim} ({first})" if of_one else claim, *cells])
    return markdown(["claim", *STAGES], rows)


def maps_table(tables: Mapping[str, pd.DataFrame], dataset: str) -> str:
    """Return precision, recall and IoU of the maps' object regions, at the paper's threshold and at each one's best."""
    table = tables["regions"][tables["regions"]["dataset"] == dataset]
    precision = tables["precision"][tables["precision"]["dataset"] == dataset]
    rows = []
    for maps, part in table.groupby("maps", sort=False):
        at = part.iloc[(part["threshold"] - COMPARED_AT).abs().argmin()]
        best = part.loc[part["iou"].idxmax()]
        ap = found_row(precision, block=maps)
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
    return markdown(header, rows)


def best_by_size(sizes: pd.DataFrame, dataset: str, maps: str) -> pd.DataFrame:
    """Return, for each quartile of object size, the row with the highest IoU over the thresholds."""
    table = sizes[(sizes["dataset"] == dataset) & (sizes["maps"] == maps)].dropna(subset=["iou"])
    return table.loc[table.groupby("size", sort=False)["iou"].idxmax()]


def sizes_table(sizes: pd.DataFrame, dataset: str) -> str:
    """Return the best threshold and the IoU there by quartile of object size, for d=1 and fusion (paper §4.3.1)."""
    quartiles = list(dict.fromkeys(sizes[sizes["dataset"] == dataset]["size"]))
    rows = []
    for maps in ("d1", "fusion"):
        best = best_by_size(sizes, dataset, maps).set_index("size")
        if len(best):
            cells = [
                f"{best.loc[q, 'threshold']:.2f} ({100 * best.loc[q, 'iou']:.0f})" if q in best.index else ""
                for q in quartiles
            ]
            rows.append([maps, *cells])
    return markdown(["maps", *quartiles], rows)


def _percent(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    value = _with_spread(100 * row["contrast"], 100 * row["sd"])
    return f"{value} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def contrast_table(contrast: pd.DataFrame) -> str:
    """Return how much more the maps answer on a body than at the same distance elsewhere, in percent of the maximum."""
    rows = []
    for (dataset, maps), part in contrast.groupby(["dataset", "maps"], sort=False):
        cells = [_percent(found_row(part, region=region)) for region in ("background", "distractor")]
        rows.append([str(dataset), str(maps), *cells])
    return markdown(["dataset", "maps", "body less background", "body less distractor"], rows, words=2)


def calibration_table(calibration: pd.DataFrame) -> str:
    """Return statistics of the training images, a column per dataset."""
    wide = calibration.pivot_table(index="measure", columns="dataset", values="value", sort=False)
    rows = [
        [str(measure), *(f"{value:.3g}" for value in row)]
        for measure, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return markdown(["training images", *map(str, wide.columns)], rows)
