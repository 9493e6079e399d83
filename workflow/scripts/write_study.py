"""Write the study's pages and draw its figures."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.runtime.files import write_whole
    from mdc.study.figures import plot_differences, plot_response, plot_sizes
    from mdc.study.text import details_text, read_tables, study_text

    written = snakemake.output
    tables = read_tables(Path(snakemake.input.tables[0]).parent)
    write_whole(Path(written.text), study_text(tables).encode())
    write_whole(Path(written.details), details_text(tables).encode())
    plot_response(tables["response"], Path(written.response))
    plot_sizes(tables["sizes"], Path(written.sizes))
    plot_differences(tables["differences"], Path(written.differences))


run_logged(snakemake.log[0], main)
