"""Gather the runs of the study: every setting, every claim, every measure."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.study.tables import tabulate_study

    settings = snakemake.params
    tabulate_study(
        runs={name: [Path("results", run) for run in runs] for name, runs in settings.runs.items()},
        unseen_seed=settings.unseen_seed,
        draws=settings.draws,
        folder=Path(snakemake.output.tables[0]).parent,
    )


run_logged(snakemake.log[0], main)
