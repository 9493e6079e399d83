"""Try the starting weights of a network on it, before anything is trained."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.networks.init_weights import check_weights
    from mdc.networks.largefov import build_segmenter
    from mdc.networks.multi_dilation import build_classifier

    settings = snakemake.params
    classes = len(read_lines(Path(snakemake.input.classes)))
    if snakemake.wildcards.stage == "classifier":
        network = build_classifier(dilations=settings.dilations, classes=classes, **settings.network)
    else:
        network = build_segmenter(classes=classes, **settings.network)
    check_weights(
        network,
        init=settings.init,
        weights=settings.weights,
        weights_input=settings.weights_input,
        expected_hash=settings.expected_hash,
        checked_csv=Path(snakemake.output.checked),
    )


run_logged(snakemake.log[0], main)
