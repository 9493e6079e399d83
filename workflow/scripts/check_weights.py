"""Try the starting weights of a network on it, before anything is trained."""

from pathlib import Path

from mdc.logs import run_logged


def main() -> None:
    from mdc.models.largefov import build_segmenter
    from mdc.models.multi_dilation import build_classifier
    from mdc.models.start import check_weights
    from mdc.voc import read_lines

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
