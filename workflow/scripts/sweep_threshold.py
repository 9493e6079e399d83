"""Measure the pseudo masks of one setting over a range of thresholds."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.masks.sweep import sweep_threshold

    files, settings = snakemake.input, snakemake.params
    sweep_threshold(
        train_csv=Path(files.train_csv),
        cams_h5=[Path(path) for path in files.cams],
        saliency_csv=Path(files.saliency[0]) if files.saliency else None,
        sweep_csv=Path(snakemake.output.sweep),
        name=snakemake.wildcards.masks,
        maps=settings.maps,
        recipe=settings.recipe,
        thresholds=settings.thresholds,
        classes=len(read_lines(Path(files.classes))),
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
