"""Draw the quality of the pseudo masks over the threshold, a line per map setting."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.figures import plot_sweep

    plot_sweep(
        sweeps_csv=[Path(path) for path in snakemake.input.sweeps],
        sweep_png=Path(snakemake.output.png),
        threshold=snakemake.params.threshold,
        title=f"pseudo masks of the training images, classifier {snakemake.wildcards.classifier}",
    )


run_logged(snakemake.log[0], main)
