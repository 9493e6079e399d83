"""Small folders of photos, tags and masks, as the data stage reads them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mdc.data.mask_files import write_mask

CATS_AND_DOGS = ("cat", "dog")


def photo(path: Path, *, size: tuple[int, int] = (6, 4), orientation: int = 1) -> None:
    """A plain photo of `size` (width, height) whose bytes depend on its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flag = Image.Exif()
    flag[274] = orientation
    noise = np.random.default_rng(list(str(path).encode())).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, exif=flag)


def xml(root: Path, id: str, *tags: str) -> None:
    path = root / "Annotations" / f"{id}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{''.join(f'<object><name>{t}</name></object>' for t in tags)}</annotation>")


def mask(path: Path, *indices: int, size: tuple[int, int] = (6, 4)) -> None:
    pixels = np.zeros((size[1], size[0]), dtype=np.uint8)
    pixels[0, : len(indices)] = indices
    write_mask(path, pixels)


def voc_image(root: Path, id: str, *tags: str) -> None:
    photo(root / "JPEGImages" / f"{id}.jpg")
    xml(root, id, *tags)


def lists(root: Path, kind: str = "Segmentation", **splits: str) -> None:
    folder = root / "ImageSets" / kind
    folder.mkdir(parents=True, exist_ok=True)
    for split, text in splits.items():
        (folder / f"{split}.txt").write_text(text)


def table(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def settings(tmp_path: Path, **changes) -> dict:
    common = dict(classes=CATS_AND_DOGS, plain_folder=tmp_path / "plain", max_side_px=100, val_share=0.5, seed=0)
    return common | dict(processes=1) | changes


def lines_of(error: pytest.ExceptionInfo) -> list[str]:
    headline, *lines = str(error.value).splitlines()
    assert headline == f"the data cannot be used as it is, {len(lines)} problem{'s' * (len(lines) > 1)}:"
    return [line.removeprefix("  ") for line in lines]


# --- the table
