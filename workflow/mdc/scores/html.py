"""Tables as HTML pages."""

import html
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mdc.runtime.files import write_whole
from mdc.scores.tables import read_table

TABLE_STYLE = """<style>
body { font: 14px sans-serif; margin: 1em } table { border-collapse: collapse }
td, th { padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th { background: #f4f4f4 }
tbody tr:hover { background: #eef }
</style>
"""


def write_html_table(*, table_csv: Path, table_html: Path, title: str) -> None:
    """Write a CSV table as one HTML page, numbers with three significant digits."""
    write_whole(table_html, html_page(title, [("", read_table(table_csv))]).encode())


def html_page(title: str, tables: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """Return a page with tables below their headings; numbers with three significant digits, no index."""
    parts = [f"<meta charset='utf-8'><title>{html.escape(title)}</title>{TABLE_STYLE}<h3>{html.escape(title)}</h3>"]
    for heading, table in tables:
        parts.append(f"<h4>{html.escape(heading)}</h4>" if heading else "")
        parts.append(table.to_html(index=False, na_rep="", float_format=lambda value: f"{value:.3g}", border=0))
    return "".join(parts)
