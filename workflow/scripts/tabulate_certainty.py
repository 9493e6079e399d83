"""Compare the certainty of pseudo masks with their scores."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.scores.certainty import tabulate_certainty

    tabulate_certainty(
        masks=snakemake.params.masks,
        certainties=[Path(path) for path in snakemake.input.certainties],
        images=[Path(path) for path in snakemake.input.images],
        table_csv=Path(snakemake.output.table),
    )


run_logged(snakemake.log[0], main)
