"""Train the segmenter of one setting."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.segmenter.train import train_segmenter

    files, settings = snakemake.input, snakemake.params
    train_segmenter(
        train_csv=Path(files.train_csv),
        masks_csv=Path(files.masks) if files.masks else None,
        strong_csv=Path(files.strong) if files.strong else None,
        classifier_pt=Path(files.classifier) if files.classifier else None,
        weights_pt=Path(snakemake.output.weights),
        classes=read_lines(Path(files.classes)),
        network=settings.network,
        init=settings.init,
        weights=settings.weights,
        weights_input=settings.weights_input,
        view=settings.view,
        loss_resolution=settings.loss_resolution,
        online_term=settings.online_term,
        online_warmup_epochs=settings.online_warmup_epochs,
        strong_share=settings.strong_share,
        training=settings.training,
        max_side_px=settings.max_side_px,
        seed=int(snakemake.wildcards.seed),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
        code=settings.code,
    )


run_logged(snakemake.log[0], main)
