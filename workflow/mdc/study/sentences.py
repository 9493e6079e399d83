"""The findings of the study's tables, in sentences.

`mdc.study.claims.verdict` alone decides whether a difference is shown, so no sentence claims more than its table.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mdc.study.claims import LAST_STAGE, STAGES, verdict
from mdc.study.markdown_tables import COMPARED_AT, best_by_size, found_row, number

HEADS = {"pseudo masks": "As pseudo masks", "segmenter": "As segmenters", "segmenter + CRF": "With the CRF"}
FUSION_AGAINST = {
    **{name: name.replace("d", "d=") for name in ("d1", "d3", "d6", "d9")},
    "mean": "the mean of the maps",
    "salient-fusion": "saliency alone",
}
KINDS = {"yes": "shown", "no, the reverse": "the reverse is shown", "not shown": "not shown either way"}


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


def dilations_sentence(regions: pd.DataFrame, dataset: str) -> str:
    """Return recall and precision of each dilation's object regions at the paper's threshold, as a sentence (§3.1)."""
    table = regions[(regions["dataset"] == dataset) & np.isclose(regions["threshold"], COMPARED_AT)]
    table = table[table["maps"].str.fullmatch(r"d\d+")]
    if len(table) < 2:
        return ""
    recall, precision = (
        ", ".join(f"{row['maps']} {100 * row[name]:.0f}" for row in table.to_dict("records"))
        for name in ("recall", "precision")
    )
    return (
        f"- At {COMPARED_AT:g} of the maximum, recall of the objects by dilation: {recall} %; precision: {precision} %."
    )


def sizes_sentence(sizes: pd.DataFrame, dataset: str) -> str:
    """Return over what range the best threshold moves with the size of objects, for d=1 and fusion, as a sentence."""
    words = []
    for maps in ("d1", "fusion"):
        best = best_by_size(sizes, dataset, maps)
        if len(best) > 1:
            ends = [best.iloc[0], best.iloc[-1]]
            words.append(
                f"for {maps} it is {ends[0]['threshold']:.2f} for the {ends[0]['size']} objects and "
                f"{ends[1]['threshold']:.2f} for the {ends[1]['size']}"
            )
    return f"- Best threshold by size of the object (§4.3.1): {'; '.join(words)}." if words else ""


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
        f"- {dataset}: response on the body less response on the background, at the same distance from the same head, "
        f"in percent of the map's maximum: {'; '.join(words)}. A circle around the head would give 0."
    )


def ceiling_sentence(results: pd.DataFrame, dataset: str) -> str:
    """Return how far fusion with the CRF gets from all background towards true masks, as a sentence."""
    table = results[(results["dataset"] == dataset) & (results["split"] == "val")]
    floor = found_row(table, setting="all-background")
    ceiling, weak = (found_row(table, setting=name, crf="true") for name in ("true-masks", "weak-fusion"))
    if floor is None or ceiling is None or weak is None:
        return ""
    salient = found_row(table, setting="weak-salient-fusion", crf="true")

    def share(row: Mapping[str, float]) -> str:
        return f"{100 * (row['miou'] - floor['miou']) / (ceiling['miou'] - floor['miou']):.0f} %"

    baseline = f"; the salient pixels alone get {share(salient)}" if salient is not None else ""
    return (
        f"From all background, {floor['miou']:.1f}, to true masks, {ceiling['miou']:.1f}, fusion with the CRF gets "
        f"{share(weak)} of the way, to {weak['miou']:.1f}{baseline}."
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


def fusion_sentence(differences: pd.DataFrame, dataset: str) -> str:
    """Return which other maps fusion is shown to beat after the CRF, at one threshold, as a sentence or two."""
    table = differences[(differences["dataset"] == dataset) & (differences["first"] == "fusion")]
    table = table[(table["stage"] == LAST_STAGE) & table["second"].isin(FUSION_AGAINST)]
    if table["seeds"].max() == 1:
        return "With one seed no difference can be shown."
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for row in table.to_dict("records"):
        found[verdict(row)].append(FUSION_AGAINST[row["second"]])
    better, worse, alike = (", ".join(found[kind]) for kind in KINDS)
    told = [f"is shown to be better than {better}"] if better else []
    told += [f"is shown to be worse than {worse}"] if worse else []
    told += [f"is not shown to differ from {alike}"] if alike else []
    return f"After the CRF, at one threshold, fusion {'; it '.join(told)}." if told else ""


def _called(tables: Mapping[str, pd.DataFrame], dataset: str, first: str, second: str) -> str:
    """Return the verdict of a comparison at the last stage, `not compared` if there is none."""
    table = tables["differences"]
    is_it = (table["dataset"] == dataset) & (table["first"] == first) & (table["second"] == second)
    rows = table[is_it].to_dict("records")
    return KINDS[verdict(rows[-1])] if rows else "not compared"


def reviewer_sentences(tables: Mapping[str, pd.DataFrame], dataset: str) -> list[str]:
    """Return what a fair reviewer would add to the table: the baseline, the best dilation, images with one tag.

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
            f"- The baseline trusts saliency and takes only the class from the maps: {baseline['miou']:.1f}; fusion "
            f"is {beaten} it with {ours['miou']:.1f} ({_called(tables, dataset, 'fusion', 'salient-fusion')}). Its "
            "saliency threshold was fitted to true masks of training images."
        )
        share = found_row(tables["calibration"], dataset=dataset, measure="images with several tags")
        if share is not None:
            sentences.append(
                f"- With a single tag the class is known, and {100 * (1 - share['value']):.0f} % of the training "
                f"images have one. On validation images with several, fusion has {number(ours['several_tags'])} and "
                f"the baseline {number(baseline['several_tags'])}."
            )
    if {"weak-fusion@best", "weak-fusion@untrained"} <= set(rows.index):
        trained, untrained = (rows.loc[f"weak-fusion@{name}"]["miou"] for name in ("best", "untrained"))
        sentences.append(
            f"- With maps of an untrained classifier the same recipe reaches {untrained:.1f} instead of {trained:.1f} "
            f"({_called(tables, dataset, 'fusion@best', 'fusion@untrained')}): that much comes from tags, saliency and "
            "the CRF alone."
        )
    single = [name for name in rows.index if str(name).startswith("weak-d") and str(name)[6:].isdigit()]
    if len(single) > 1 and "weak-fusion" in rows.index:
        best = rows.loc[single]["miou"].idxmax()
        sentences.append(
            f"- The best single dilation, {best.removeprefix('weak-')}, has {rows.loc[best]['miou']:.1f}, fusion "
            f"{rows.loc['weak-fusion']['miou']:.1f}; which dilation is best is not known beforehand."
        )
    if {"weak-fusion@true-saliency", "weak-fusion@best"} <= set(rows.index):
        gain = rows.loc["weak-fusion@true-saliency"]["miou"] - rows.loc["weak-fusion@best"]["miou"]
        sentences.append(f"- Perfect saliency changes fusion by {gain:+.1f}, each at its own threshold.")
    counted = tables["differences"][tables["differences"]["dataset"] == dataset]
    shown = sum(verdict(row) != "not shown" for row in counted.to_dict("records"))
    sentences.append(
        f"- {shown} of {len(counted)} differences are shown. Without any difference one interval in twenty "
        "would exclude 0 by chance, for which nothing is corrected."
    )
    return sentences
