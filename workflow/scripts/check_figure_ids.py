"""Check, before anything is trained, that the images which figures are to show are there."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.figures.paper_figures import refuse_unusable_ids

    asked = snakemake.params.ids
    refuse_unusable_ids(
        asked=asked,
        manifests=dict(zip(asked, map(Path, snakemake.input.manifests), strict=True)),
        checked_txt=Path(snakemake.output.checked),
    )


run_logged(snakemake.log[0], main)
