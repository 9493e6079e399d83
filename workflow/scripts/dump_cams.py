"""Store the class activation maps of a shard of the images."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.cams.dump import dump_cams
    from mdc.data.text_lists import read_lines

    files, settings = snakemake.input, snakemake.params
    dump_cams(
        split_csv=Path(files.split_csv),
        weights_pt=Path(files.weights),
        cams_h5=Path(snakemake.output.cams),
        classes=read_lines(Path(files.classes)),
        dilations=settings.dilations,
        network=settings.network,
        shard=int(snakemake.wildcards.shard),
        shards=int(snakemake.wildcards.shards),
        device=snakemake.resources.device,
        gpus=snakemake.resources.gpu,
        threads=snakemake.threads,
    )


run_logged(snakemake.log[0], main)
