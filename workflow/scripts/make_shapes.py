"""Draw the built-in dataset, in VOC layout."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.synthetic.dataset import write_dataset

    write_dataset(
        Path(snakemake.output.devkit),
        images=snakemake.params.images,
        body_cue=snakemake.params.body_cue,
        side_px=snakemake.params.side_px,
        seed=snakemake.params.seed,
        processes=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
