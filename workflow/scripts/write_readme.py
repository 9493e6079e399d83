"""Write what the run was made with, what it took, and how to repeat it."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.report.run_page import write_readme

    settings, page = snakemake.params, Path(snakemake.output.readme)
    write_readme(page, project=Path(settings.project), arguments=settings.arguments)


run_logged(snakemake.log[0], main)
