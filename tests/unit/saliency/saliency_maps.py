"""Files that are no saliency maps."""

from pathlib import Path

import cv2
import numpy as np


def make_unusable_maps(folder: Path) -> list[str]:
    """Write what cannot be used as maps to `folder`; return the ids, of which the first has no file."""
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    cv2.imwrite(str(folder / "colour.png"), np.full((4, 6, 3), (0, 0, 9), np.uint8))
    cv2.imwrite(str(folder / "deep.png"), np.zeros((4, 6), np.uint16))
    return ["missing", "text", "empty", "colour", "deep"]
