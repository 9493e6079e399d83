"""Measure what a classifier's maps respond to, on the training images' true masks."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.study.map_analysis import measure_maps

    files, settings = snakemake.input, snakemake.params
    measure_maps(
        train_csv=Path(files.train_csv),
        train_cams_h5=[Path(path) for path in files.train_cams],
        val_cams_h5=[Path(path) for path in files.val_cams],
        settings=settings.settings,
        thresholds=settings.thresholds,
        synthetic=settings.synthetic or None,
        folder=Path(snakemake.output[0]).parent,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
