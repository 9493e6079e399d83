"""Which files are new photos, when they count as changed, and how those that cannot be used are listed."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.photo_files import photos_digest
from mdc.predict.photos import list_photos, read_photos
from mdc.runtime.errors import InputError
from mdc.runtime.hashes import file_digest


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder with two photos and with files that are none."""
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    (root / ".thumbs").mkdir()
    (root / "results").mkdir()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(root / "b.PNG")
    exif = Image.Exif()
    exif[274] = 8
    Image.new("CMYK", (9, 5)).save(root / "sub" / "a.jpg", exif=exif)
    (root / "notes.txt").write_text("no photo")
    for name in (".thumbs/c.png", ".d.png", "results/e.png"):
        Image.new("L", (2, 2)).save(root / name)
    return root


def listed(folder: Path) -> Path:
    table = folder.parent / "photos.csv"
    list_photos(root=folder, besides=folder / "results", photos_csv=table, processes=1)
    return table


def test_photos_are_listed_with_their_size_as_shown_and_other_files_are_not(folder):
    table = listed(folder)
    assert pd.read_csv(table).values.tolist() == [
        ["b", str(folder / "b.PNG"), 4, 6, file_digest(folder / "b.PNG")],
        ["sub/a", str(folder / "sub/a.jpg"), 9, 5, file_digest(folder / "sub/a.jpg")],  # 9 x 5 pixels, turned
    ]
    assert read_photos(table) == {"b": folder / "b.PNG", "sub/a": folder / "sub/a.jpg"}


def test_all_still_formats_and_linked_folders_are_read_and_the_rest_is_counted(tmp_path, caplog):
    root, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    formats = {"a.jfif": "JPEG", "b.JPE": "JPEG", "c.avif": "AVIF", "d.webp": "WEBP", "e.bmp": "BMP", "f.tif": "TIFF"}
    for name, format in formats.items():
        Image.new("RGB", (3, 2)).save(root / name, format=format)
    Image.new("RGB", (3, 2)).save(elsewhere / "g.png")
    (root / "linked").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(root)  # without end
    os.mkfifo(root / "pipe.jpg")
    (root / "drawing.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0")
    (root / "raw.CR2").touch()
    assert list(read_photos(listed(root))) == ["a", "b", "c", "d", "e", "f", "linked/g"]
    passed_over = f"1 .eps, 1 .jpg, 1 .cr2; the first is {root}/drawing.eps"
    assert caplog.messages == [f"not photos that are read, passed over in {root}: {passed_over}"]


def test_no_file_starts_another_program(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(InputError, match=r"a\.jpg: is not an image in a known format"):
        listed(tmp_path)


def test_all_that_cannot_be_used_is_listed_by_name(folder, noise):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no")
    Image.fromarray(noise(0, 40, 40)).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:2000])
    (folder / "link.png").symlink_to("nowhere.png")
    Image.new("L", (2, 2)).save(folder / "sub" / "a.gif")
    with pytest.raises(InputError) as error:
        listed(folder)
    headline, *lines = str(error.value).splitlines()
    assert headline == f"the photos in {folder} cannot be used; fix or remove:"
    assert [line.split(": ")[0].strip() for line in lines] == [
        str(folder / name) for name in ("sub", "broken.jpg", "cut.png", "link.png")
    ]
    assert lines[0].endswith("a.gif, a.jpg would share one mask: rename all but one")


def test_photos_have_changed_if_their_bytes_or_names_have_and_only_then(folder):
    def digest() -> str:
        photos_digest.cache_clear()
        return photos_digest(folder, besides=folder / "results")

    first = digest()
    os.utime(folder / "b.PNG", (1, 1))
    (folder / "notes.txt").write_text("other notes")
    (folder / "results" / "e.png").unlink()
    assert digest() == first
    times = (folder / "b.PNG").stat()
    (folder / "b.PNG").write_bytes((folder / "b.PNG").read_bytes() + b"\0")
    os.utime(folder / "b.PNG", ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = digest()
    (folder / "b.PNG").rename(folder / "c.PNG")
    renamed = digest()
    (folder / "link.png").symlink_to("nowhere.png")
    broken = digest()
    (folder / "link.png").unlink()
    (folder / "c.PNG").unlink()
    assert len({first, changed, renamed, broken, digest()}) == 5
