"""Draw the confusion matrix of one result, each row as percentages."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.figures.plots import plot_confusion

    plot_confusion(
        confusion_csv=Path(snakemake.input.confusion),
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        title=f"given label ({snakemake.wildcards.result}, {snakemake.wildcards.split})",
    )


run_logged(snakemake.log[0], main)
