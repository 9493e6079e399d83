"""Names in figures, of which the font has only some letters."""

import functools
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")  # comes with matplotlib: the same on every machine


@functools.cache
def _letters() -> frozenset[int]:
    return frozenset(FT2Font(str(FONT)).get_charmap())


def drawable(text: str) -> str:
    """Return a text with each character that `FONT` lacks, such as Chinese ones, as its Unicode number: <732B>.

    Drawn as they are, all of these would be the same empty box.
    """
    known = _letters()
    return "".join(one if one.isspace() or ord(one) in known else f"<{ord(one):04X}>" for one in text)
