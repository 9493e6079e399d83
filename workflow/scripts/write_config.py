"""Keep the complete configuration beside the results."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    import yaml

    from mdc.runtime.files import write_whole

    text = yaml.safe_dump(snakemake.params.config, sort_keys=False)
    write_whole(Path(snakemake.output.yaml), text.encode())


run_logged(snakemake.log[0], main)
