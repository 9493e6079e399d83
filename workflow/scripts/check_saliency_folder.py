"""Find the images without a map in the folder of saliency maps, before anything is trained."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.saliency.external import check_maps_exist

    check_maps_exist(
        folder=Path(snakemake.params.folder),
        split_csvs=[Path(csv) for csv in snakemake.input.split_csvs],
        missing_csv=Path(snakemake.output.missing),
        by_rbd=snakemake.params.by_rbd,
    )


run_logged(snakemake.log[0], main)
