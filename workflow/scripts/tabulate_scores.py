"""Gather all results in one summary, and the segmenters in the shape of the paper's table 3."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.scores.tables import Result, tabulate_scores

    files, written = snakemake.input, snakemake.output
    tabulate_scores(
        results=[Result(**fields) for fields in snakemake.params.results],
        confusions=[Path(path) for path in files.confusions],
        images=[Path(path) for path in files.images],
        swept=snakemake.params.swept,
        sweeps=[Path(path) for path in files.sweeps],
        note=snakemake.params.note,
        summary_csv=Path(written.summary),
        per_class_csv=Path(written.per_class),
        best_thresholds_csv=Path(written.best_thresholds),
        segmenters_csv=Path(written.segmenters_csv),
        segmenters_md=Path(written.segmenters_md),
    )


run_logged(snakemake.log[0], main)
