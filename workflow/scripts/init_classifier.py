"""Store the classifier as initialised, without training it."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.networks.init_weights import write_untrained_classifier

    settings = snakemake.params
    write_untrained_classifier(
        weights_pt=Path(snakemake.output.weights),
        classes=read_lines(Path(snakemake.input.classes)),
        dilations=settings.dilations,
        network=settings.network,
        init=settings.init,
        weights=settings.weights,
        weights_input=settings.weights_input,
        seed=int(snakemake.wildcards.seed),
    )


run_logged(snakemake.log[0], main)
