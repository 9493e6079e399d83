"""Draw the training curves of a network."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.report.curves import plot_curves

    plot_curves(
        metrics_csv=Path(snakemake.input.metrics),
        curves_png=Path(snakemake.output.png),
        title=snakemake.wildcards.path,
    )


run_logged(snakemake.log[0], main)
