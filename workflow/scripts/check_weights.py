"""Try the starting weights of a network on it, before anything is trained."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.networks.init_weights import check_weights
    from mdc.networks.largefov import SegmenterDescription
    from mdc.networks.multi_dilation import ClassifierDescription

    settings = snakemake.params
    describe = ClassifierDescription if snakemake.wildcards.stage == "classifier" else SegmenterDescription
    check_weights(
        describe(classes=read_lines(Path(snakemake.input.classes)), **settings.network),
        init=settings.init,
        weights=settings.weights,
        expected_hash=settings.expected_hash,
        checked_csv=Path(snakemake.output.checked),
    )


run_logged(snakemake.log[0], main)
