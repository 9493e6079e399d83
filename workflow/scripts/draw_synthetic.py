"""Draw the built-in dataset, in VOC's layout."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.synthetic.dataset import write_dataset

    settings = snakemake.params
    write_dataset(
        Path(snakemake.output.folder),
        images=settings.images,
        body_cue=settings.body_cue,
        side_px=settings.side_px,
        seed=settings.seed,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
