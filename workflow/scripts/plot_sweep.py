"""Draw the quality of the pseudo masks over the threshold, a line per map setting."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.figures.plots import plot_sweep

    plot_sweep(
        sweeps_csv=[Path(path) for path in snakemake.input.sweeps],
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        threshold=snakemake.params.threshold,
        title="pseudo masks of the training images, classifier {classifier}, seed {seed}".format(**snakemake.wildcards),
    )


run_logged(snakemake.log[0], main)
