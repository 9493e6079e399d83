"""Set the scores of a table's rows beside the paper's."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.scores.paper_tables import tabulate_paper
    from mdc.scores.tables import Result

    files, settings = snakemake.input, snakemake.params
    tabulate_paper(
        table=snakemake.wildcards.table,
        results=[Result(**fields) for fields in settings.results],
        confusions=[Path(path) for path in files.confusions],
        images=[Path(path) for path in files.images],
        paper_csv=Path(files.paper),
        others_csv=Path(files.others),
        departures=settings.departures,
        on_voc=settings.on_voc,
        unscored=settings.unscored,
        notes=settings.notes,
        table_csv=Path(snakemake.output.csv),
        table_md=Path(snakemake.output.md),
        table_html=Path(snakemake.output.html),
    )


run_logged(snakemake.log[0], main)
