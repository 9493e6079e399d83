"""Train the multi-dilation classifier on the tags."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.classifier import train_classifier
    from mdc.data.text_lists import read_lines

    files, settings = snakemake.input, snakemake.params
    train_classifier(
        train_csv=Path(files.train_csv),
        val_csv=Path(files.val_csv),
        weights_pt=Path(snakemake.output.weights),
        classes=read_lines(Path(files.classes)),
        dilations=settings.dilations,
        names=settings.names,
        network=settings.network,
        init=settings.init,
        weights=settings.weights,
        weights_input=settings.weights_input,
        view=settings.view,
        training=settings.training,
        seed=int(snakemake.wildcards.seed),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
        code=settings.code,
    )


run_logged(snakemake.log[0], main)
