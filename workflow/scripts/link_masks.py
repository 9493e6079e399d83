"""Check another method's masks and list them."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.masks.external import link_masks

    link_masks(
        split_csv=Path(snakemake.input.split_csv),
        folder=Path(snakemake.params.own_masks),
        masks_csv=Path(snakemake.output.table),
        classes=len(read_lines(Path(snakemake.input.classes))),
    )


run_logged(snakemake.log[0], main)
