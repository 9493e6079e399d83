"""What VOC's server would refuse is refused here; what it takes is packed under its names."""

import hashlib
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mdc.errors import InputError
from mdc.submission import id_problems, mask_problem, pack_submission
from mdc.tables import write_table
from mdc.voc import read_mask, write_mask

CLASSES = 2
MASK = np.array([[0, 1, 2], [0, 0, 2]], np.uint8)


@pytest.fixture
def test_set(tmp_path):
    """Return a function that packs two test photos of 3 x 2 pixels and their masks, given changes of the masks."""
    root = tmp_path / "voc"
    for folder in ("JPEGImages", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    (root / "ImageSets/Segmentation/test.txt").write_text("b\na\n")
    for name in "ab":
        Image.new("RGB", (3, 2)).save(root / f"JPEGImages/{name}.jpg")

    def packed(masks: dict[str, np.ndarray] | None = None, *, again=()) -> Path:
        rows = []
        for name, mask in ({"a": MASK, "b": 0 * MASK} | (masks or {})).items():
            path = tmp_path / "masks" / f"{name}.png"
            if mask is not None:
                write_mask(path, mask)
                rows.append((name, str(path), ""))
        write_table([*rows, *(row for row in rows if row[0] in again)], tmp_path / "masks.csv")
        pack_submission(
            root=root,
            masks_csv=[tmp_path / "masks.csv"],
            archive=tmp_path / "out" / "x.tar",
            classes=CLASSES,
            competition="comp6",
            processes=1,
        )
        return tmp_path / "out" / "x.tar"

    packed.folder = tmp_path
    return packed


def test_the_archive_has_the_servers_names_and_the_masks_bytes(test_set):
    archive = test_set()
    with tarfile.open(archive) as tar:
        folder = "results/VOC2012/Segmentation/comp6_test_cls"
        assert tar.getnames() == [f"{folder}/a.png", f"{folder}/b.png"]
        data = tar.extractfile(f"{folder}/a.png").read()
        assert {(member.mtime, member.uid, member.mode) for member in tar} == {(0, 0, 0o644)}
    assert np.array(Image.open(BytesIO(data))).tolist() == MASK.tolist()
    first = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert hashlib.sha256(test_set().read_bytes()).hexdigest() == first


def test_missing_doubled_and_unknown_images_are_counted_and_named():
    ids = [f"i{number}" for number in range(9)]
    assert id_problems(ids, ids) == []
    assert id_problems(ids, ["x", *ids[7:], "i8"]) == [
        "7 images have no mask: i0, i1, i2, i3, i4, ...",
        "1 images have several masks: i8",
        "1 images are not in the test list: x",
    ]


@pytest.mark.parametrize(
    ("masks", "again", "words"),
    [
        ({"b": None}, (), "1 images have no mask: b"),
        ({"c": MASK}, (), "1 images are not in the test list: c"),
        ({}, ("a",), "1 images have several masks: a"),
        ({"a": MASK[:1]}, (), "a.png: has 3 x 1 pixels, its photo 3 x 2: photos were reduced to data.max_side_px"),
        ({"a": np.where(MASK == 2, 255, MASK).astype(np.uint8)}, (), "a.png: has the index 255, but only 0 to 2"),
        ({"a": MASK + 1}, (), "a.png: has the index 3, but only 0 to 2"),
    ],
)
def test_what_the_server_would_refuse_is_not_packed(test_set, masks, again, words):
    with pytest.raises(InputError, match="the masks cannot be submitted") as error:
        test_set(masks, again=again)
    assert words in str(error.value)
    assert not (test_set.folder / "out").exists()


def test_a_grey_png_and_other_colours_are_no_palette_png_of_voc(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "photo.jpg")
    Image.fromarray(MASK).save(tmp_path / "grey.png")
    other = Image.fromarray(MASK)
    other.putpalette([9] * 768)
    other.save(tmp_path / "other.png")
    for name in ("grey", "other"):
        path = tmp_path / f"{name}.png"
        assert read_mask(path).tolist() == MASK.tolist()
        assert mask_problem(path, tmp_path / "photo.jpg", classes=2) == f"{path}: is no palette PNG in VOC's colours"


def test_many_problems_are_shortened(test_set):
    wrong = {f"{name}": MASK[:1] for name in "ab"}
    with pytest.raises(InputError) as error:
        test_set(wrong)
    assert len(str(error.value).splitlines()) == 3
