"""Write a table of scores as an HTML page."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.scores.html import write_html_table

    write_html_table(
        table_csv=Path(snakemake.input.table),
        table_html=Path(snakemake.output.html),
        title=snakemake.wildcards.table,
    )


run_logged(snakemake.log[0], main)
