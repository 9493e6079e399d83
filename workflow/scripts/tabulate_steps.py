"""Compare every weak setting of the runs in `study.steps` with the plain one."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.study.steps import tabulate_steps

    settings = snakemake.params
    tabulate_steps(
        runs={name: [Path("results", run) for run in runs] for name, runs in settings.runs.items()},
        draws=settings.draws,
        folder=Path(snakemake.output.text).parent,
    )


run_logged(snakemake.log[0], main)
