"""Write what a run's folder holds, what it was made with, and how to repeat it."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.report.run_page import write_readme

    settings = snakemake.params
    write_readme(
        run=settings.run,
        results=Path("results"),
        project=Path(settings.project),
        arguments=settings.arguments,
        readme_md=Path(snakemake.output.readme),
    )


run_logged(snakemake.log[0], main)
