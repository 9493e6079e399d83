"""Draw the scores of one result by class, beside the paper's where data and networks are the paper's."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.config.experiments import Experiment
    from mdc.figures.plots import plot_classes

    wildcards = snakemake.wildcards
    result = Experiment.parse(wildcards.result)
    plot_classes(
        per_class_csv=Path(snakemake.input.per_class),
        paper_csv=Path(snakemake.input.paper),
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        split=wildcards.split,
        classifier=wildcards.classifier,
        setting=str(result.setting),
        crf=result.crf,
        as_paper=snakemake.params.as_paper,
    )


run_logged(snakemake.log[0], main)
