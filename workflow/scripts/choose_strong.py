"""Choose the images whose true masks a semi-supervised setting learns from."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.segmenter.strong_images import choose_strong

    files, settings = snakemake.input, snakemake.params
    choose_strong(
        train_csv=Path(files.train_csv),
        val_csv=Path(files.val_csv) if files.val_csv else None,
        voc_root=Path(settings.voc_root) if settings.voc_root else None,
        strong_csv=Path(snakemake.output.table),
        images=int(snakemake.wildcards.images),
        pool=settings.pool,
        seed=settings.seed,
    )


run_logged(snakemake.log[0], main)
