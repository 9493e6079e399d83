"""Check another method's maps and take them over."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.cams.external import link_cams
    from mdc.data.text_lists import read_lines

    files = snakemake.input
    link_cams(
        external_h5=Path(files.external),
        split_csv=Path(files.split_csv),
        cams_h5=Path(snakemake.output.cams),
        classes=read_lines(Path(files.classes)),
        dilations=snakemake.params.dilations,
        shard=int(snakemake.wildcards.shard),
        shards=int(snakemake.wildcards.shards),
    )


run_logged(snakemake.log[0], main)
