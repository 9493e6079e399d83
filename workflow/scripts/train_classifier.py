"""Train the multi-dilation classifier on the tags."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.classifier import train_classifier
    from mdc.data.text_lists import read_lines
    from mdc.networks.multi_dilation import ClassifierDescription

    files, settings = snakemake.input, snakemake.params
    train_classifier(
        train_csv=Path(files.train_csv),
        val_csv=Path(files.val_csv),
        weights_pt=Path(snakemake.output.weights),
        description=ClassifierDescription(classes=read_lines(Path(files.classes)), **settings.network),
        head_bias=settings.head_bias,
        init=settings.init,
        weights=settings.weights,
        augmentation=settings.augmentation,
        training=settings.training,
        seed=int(snakemake.wildcards.seed),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
        code=settings.code,
        features=[Path(path) for path in files.features],
    )


run_logged(snakemake.log[0], main)
