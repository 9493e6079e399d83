"""Train the segmenter of one setting."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.networks.largefov import SegmenterDescription
    from mdc.segmenter.train import train_segmenter

    files, settings = snakemake.input, snakemake.params
    train_segmenter(
        train_csv=Path(files.train_csv),
        val_csv=Path(files.val_csv[0]) if files.val_csv else None,
        masks_csv=Path(files.masks[0]) if files.masks else None,
        strong_csv=Path(files.strong) if files.strong else None,
        classifier_pt=Path(files.classifier) if files.classifier else None,
        weights_pt=Path(snakemake.output.weights),
        description=SegmenterDescription(classes=read_lines(Path(files.classes)), **settings.network),
        weights=settings.weights,
        seed=int(snakemake.wildcards.seed),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
        code=settings.code,
        features=[Path(path) for path in files.features],
        **settings.settings,
    )


run_logged(snakemake.log[0], main)
