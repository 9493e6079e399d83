"""Store the classifier as initialised, without training it."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.networks.init_weights import write_untrained_classifier
    from mdc.networks.multi_dilation import ClassifierDescription

    settings = snakemake.params
    write_untrained_classifier(
        weights_pt=Path(snakemake.output.weights),
        description=ClassifierDescription(classes=read_lines(Path(snakemake.input.classes)), **settings.network),
        init=settings.init,
        weights=settings.weights,
        seed=int(snakemake.wildcards.seed),
    )


run_logged(snakemake.log[0], main)
