"""Find the saliency threshold that separates the training images' objects best."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    import json

    from mdc.runtime.files import write_whole
    from mdc.saliency.threshold import choose_saliency_threshold

    chosen = choose_saliency_threshold(
        train_csv=Path(snakemake.input.train_csv),
        saliency_csv=Path(snakemake.input.saliency),
        processes=snakemake.threads,
    )
    write_whole(Path(snakemake.output.json), json.dumps(chosen).encode())


run_logged(snakemake.log[0], main)
