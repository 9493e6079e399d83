"""Draw the predictions of a weak and a semi-supervised segmenter without and with CRF, a row per image."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.data.text_lists import read_lines
    from mdc.figures.paper_figures import draw_figure6

    files, settings = snakemake.input, snakemake.params.settings
    shards = len(files.crf) // len(settings)
    first = {setting: number * shards for number, setting in enumerate(settings)}
    draw_figure6(
        split_csv=Path(files.split_csv),
        images_csv=Path(files.images),
        predictions_csv={
            name: [Path(path) for path in files.predictions[at : at + shards]] for name, at in first.items()
        },
        crf_csv={name: [Path(path) for path in files.crf[at : at + shards]] for name, at in first.items()},
        png=Path(snakemake.output.png),
        pdf=Path(snakemake.output.pdf),
        classes=read_lines(Path(files.classes)),
        ids=snakemake.params.ids,
    )


run_logged(snakemake.log[0], main)
