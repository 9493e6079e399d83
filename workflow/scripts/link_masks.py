"""Check another method's masks and list them."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.own_masks import link_masks
    from mdc.voc import read_lines

    link_masks(
        split_csv=Path(snakemake.input.split_csv),
        folder=Path(snakemake.params.own_masks),
        masks_csv=Path(snakemake.output.table),
        classes=len(read_lines(Path(snakemake.input.classes))),
    )


run_logged(snakemake.log[0], main)
