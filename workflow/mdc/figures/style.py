"""How figures look, and writing them: PNGs for the report, and PNG and PDF at the width of a page."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from mdc.figures.letters import drawable
from mdc.runtime.files import written_whole

matplotlib.use("Agg")  # also where there is a screen
matplotlib.rcParams["text.parse_math"] = False  # ids and class names may hold a $
DPI = 110
CM = 1 / 2.54  # in inches
PAPER_WIDTH_CM = 17  # both columns of a page
PAPER_DPI = 200
PDF_PICTURES_DPI = 300  # of photos and maps; everything else in a PDF is vectors
PAPER_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # TrueType, which publishers ask for
}


def save_figure(figure: plt.Figure, path: Path) -> None:
    """Write a figure as PNG and close it."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", bbox_inches="tight")
    plt.close(figure)


def short(name: str, letters: int = 24) -> str:
    """Return a name as it can be drawn; one that is too long for its place is cut to `letters`, with a sign of that."""
    name = drawable(name)
    return name if len(name) <= letters else name[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"


def save_paper_figure(figure: plt.Figure, png: Path, pdf: Path) -> None:
    """Write a figure as PNG and as PDF of one page with TrueType fonts, both at exactly its size, and close it.

    The same figure gives the same bytes: the files do not say when they were written. Call it with `PAPER_STYLE` set.
    """
    with written_whole(png) as temporary:
        figure.savefig(temporary, dpi=PAPER_DPI, format="png", metadata={"Software": None})
    with written_whole(pdf) as temporary:
        metadata = {"Creator": "mdc", "Producer": None, "CreationDate": None}
        figure.savefig(temporary, dpi=PDF_PICTURES_DPI, format="pdf", metadata=metadata)
    plt.close(figure)
