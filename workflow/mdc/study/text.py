"""The study in words: its tables as Markdown, with the sentences that follow from them."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.study import markdown_tables, sentences
from mdc.study.claims import between
from mdc.study.names import STUDY_TABLES

BEGIN, END = "<!-- results/study begins -->", "<!-- results/study ends -->"
HEADER = """# The study

mIoU in percent, on validation images; *pseudo masks* are scored on training images.

- ± is the standard deviation over seeds, [ , ] a 95 % bootstrap interval over images of the mean over seeds, given the
  trained networks. Settings are compared on the same images.
- A difference is *shown* if its interval excludes 0 and all seeds, at least two, agree on its sign.
- *One threshold* is the same share of each map's maximum for all maps; *own threshold* is the best of each map setting
  on the training images' true masks, on which its pseudo masks are then scored.
- *A over B*, of two names of this page, compares two runs on the same images.
- The *unseen seed* is the one on whose results nothing was chosen.
- Unlabelled pixels of pseudo masks count as misses; [details.md](details.md) also gives scores without them, precision
  and recall of the maps, and the best threshold by size of the object."""


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables that `mdc.study.tables.tabulate_study` wrote.

    Raises:
        InputError: one of them is missing.
    """
    missing = [name for name in STUDY_TABLES if not (folder / f"{name}.csv").is_file()]
    if missing:
        raise InputError(f"{folder}: {missing[0]}.csv is missing: run `make study`")
    text = {"crf": str, "setting": str, "maps": str, "positives": str}
    return {name: pd.read_csv(folder / f"{name}.csv", dtype=text) for name in STUDY_TABLES}


def _weak_segmenters(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of segmenters trained on pseudo masks, on val; datasets without one are only measured."""
    return results[(results["split"] == "val") & results["setting"].str.startswith("weak-")]


def study_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the study's page, as Markdown, from the tables of `mdc.study.tables.tabulate_study`."""
    results, calibration = tables["results"], tables["calibration"]
    weak = _weak_segmenters(results)
    parts = [HEADER]
    for dataset in weak["dataset"].unique():
        images = markdown_tables.found_row(calibration, dataset=dataset, measure="images")["value"]
        seeds = weak[weak["dataset"] == dataset]["seeds"].max()
        told = sentences.claims_sentences(tables["differences"], dataset)
        told.append(sentences.dilations_sentence(tables["regions"], dataset))
        told.append(f"- {sentences.seen_sentence(tables['seen'], dataset)}")
        told.append(sentences.sizes_sentence(tables["sizes"], dataset))
        parts += [
            f"## {dataset}: {markdown_tables.counted(seeds, 'seed')}, {images:.0f} training images",
            markdown_tables.scores_table(results, dataset),
            sentences.ceiling_sentence(results, dataset),
            "Differences in mIoU: interval, number of seeds in which it is above 0, and whether it is shown:",
            markdown_tables.claims_table(tables["differences"], dataset),
            "\n".join(line for line in told if len(line) > 2),
            "\n".join(["What a reviewer would add:", "", *sentences.reviewer_sentences(tables, dataset)]),
        ]
    contrasts = [
        sentences.contrast_sentence(tables["contrast"], name) for name in tables["contrast"]["dataset"].unique()
    ]
    if contrasts:
        parts += ["## Do the maps follow the body?", "\n".join(filter(None, contrasts))]
    return "\n\n".join(part for part in parts if part) + "\n"


def details_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the details that the study's page leaves out, as Markdown: pseudo masks, maps, sizes, responses, data."""
    parts = ["# The study in detail"]
    for dataset in tables["results"]["dataset"].unique():
        parts += [f"## {dataset}", "### Pseudo masks", markdown_tables.pseudo_table(tables["results"], dataset)]
        parts += [
            "### Maps",
            markdown_tables.maps_table(tables, dataset),
            sentences.seen_sentence(tables["seen"], dataset),
        ]
        parts += [
            "### Best threshold (IoU) by size of the object",
            markdown_tables.sizes_table(tables["sizes"], dataset),
        ]
    parts += ["## Body against the same distance elsewhere", markdown_tables.contrast_table(tables["contrast"])]
    parts += ["## Data", markdown_tables.calibration_table(tables["calibration"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def readme_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the README's table of results, and one sentence or two on each dataset, as Markdown.

    A dataset that is compared with an earlier one on the same images is left to the study's page.
    """
    weak, claims = _weak_segmenters(tables["results"]), set(tables["differences"]["claim"])
    named = list(weak["dataset"].unique())
    again = {later for earlier, later in itertools.combinations(named, 2) if between(later, earlier) in claims}
    datasets = [name for name in named if name not in again]
    told = []
    for dataset in datasets:
        seeds = weak[weak["dataset"] == dataset]["seeds"].max()
        words = [
            sentences.ceiling_sentence(tables["results"], dataset),
            sentences.fusion_sentence(tables["differences"], dataset),
        ]
        told.append(f"- **{dataset}**, {markdown_tables.counted(seeds, 'seed')}: {' '.join(filter(None, words))}")
    return markdown_tables.overview_table(tables["results"], datasets) + "\n\n" + "\n".join(told) + "\n"


def with_section(readme: str, section: str) -> str:
    """Return `readme` with `section` between its two marks.

    Raises:
        InputError: the marks are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: the lines {BEGIN} and {END} are missing: put them around the table of results")
    return f"{before}{begin}\n{section}{end}{after}"


def main() -> None:
    """Write the README's table of results from results/study."""
    readme = Path("README.md")
    section = readme_text(read_tables(Path("results/study")))
    write_whole(readme, with_section(readme.read_text(encoding="utf-8"), section).encode())


if __name__ == "__main__":
    main()
