"""Every photo and mask is checked; copies, digests, ids and true masks."""

import logging

import numpy as np
from PIL import Image

from mdc.data.images import read_image
from mdc.data.mask_files import read_mask, write_mask
from mdc.data.voc_layout import link_voc_layout
from tests.unit.data.photo_folders import lists, mask, photo, settings, voc_image, xml


def test_digest_follows_photo_and_mask(tmp_path):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "cat")
    lists(tmp_path, train="a\n", val="b\n")
    mask(tmp_path / "SegmentationClass/a.png", 1)

    def digests() -> tuple[str, str]:
        tables = link_voc_layout(tmp_path, **settings(tmp_path)).tables
        return tables["train"]["digest"][0], tables["val"]["digest"][0]

    before = digests()
    assert digests() == before
    mask(tmp_path / "SegmentationClass/a.png", 1, 1)
    with_other_mask = digests()
    assert with_other_mask[0] != before[0] and with_other_mask[1] == before[1]
    photo(tmp_path / "JPEGImages/b.jpg", orientation=3)
    assert digests()[0] == with_other_mask[0] and digests()[1] != before[1]


def test_a_flag_that_keeps_the_size_is_told_with_the_mask_to_look_at(tmp_path, caplog):
    for id in ("a", "b"):
        voc_image(tmp_path, id, "cat")
    lists(tmp_path, train="a\n", val="b\n")
    photo(tmp_path / "JPEGImages/a.jpg", orientation=3)
    mask(tmp_path / "SegmentationClass/a.png", 1)
    link_voc_layout(tmp_path, **settings(tmp_path))
    (told,) = (message for message in caplog.messages if "rotation flag" in message)
    assert told.endswith("on the photo as a viewer shows it, not on the stored pixels: look at the mask of 'a'")


def test_tags_and_masks_that_differ_are_listed_with_a_warning(tmp_path, caplog):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "cat")
    lists(tmp_path, train="a\nc\n", val="b\n")
    mask(tmp_path / "SegmentationClass/a.png", 1, 2)
    mask(tmp_path / "SegmentationClass/b.png", 1, 2, 255)
    voc_image(tmp_path, "c", "cat")
    mask(tmp_path / "SegmentationClass/c.png", 1, 255)
    voc_image(tmp_path, "d", "cat", "dog")
    lists(tmp_path, train="a\nc\nd\n")
    mask(tmp_path / "SegmentationClass/d.png", 2)
    with caplog.at_level(logging.INFO):
        linked = link_voc_layout(tmp_path, **settings(tmp_path))
    assert linked.tag_differences.values.tolist() == [
        ["a", "train", "", "dog"],
        ["d", "train", "cat", ""],
        ["b", "val", "", "dog"],
    ]
    assert list(linked.tag_differences.columns) == ["id", "split", "tagged_only", "masked_only"]
    everything = f"all in {tmp_path}/plain/tag_differences.csv"
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "classes that cannot be learnt, because every training image has them: cat",
        "classes without a validation image, so that they get no score: dog",
        f"masks in train and val that show classes their image's tags do not name: 2, the first is that of 'a' "
        f"({everything})",
        f"masks in train and val that lack classes their image's tags name: 1, the first is that of 'd' ({everything})",
    ]


def test_huge_and_rotated_photos_get_plain_copies_and_masks_of_their_size(tmp_path):
    root, plain = tmp_path / "data", tmp_path / "plain"
    large = np.zeros((3000, 4000, 3), dtype=np.uint8)
    large[:, 2000:] = (250, 0, 0)
    (root / "JPEGImages" / "far").mkdir(parents=True)
    flag = Image.Exif()
    flag[274] = 6  # shown turned clockwise: 3000 wide, 4000 high, the red half below
    Image.fromarray(large).save(root / "JPEGImages/far/a b.jpg", exif=flag)
    before = (root / "JPEGImages/far/a b.jpg").read_bytes()
    pixels = np.zeros((4000, 3000), dtype=np.uint8)
    pixels[2000:] = 2
    write_mask(root / "SegmentationClass/far/a b.png", pixels)
    xml(root, "far/a b", "dog")
    voc_image(root, "small", "cat")
    mask(root / "SegmentationClass/small.png", 1)
    lists(root, train="far/a b\n", val="small\n")
    linked = link_voc_layout(root, **settings(tmp_path, processes=2))
    row = linked.tables["train"].iloc[0]
    assert (row["height"], row["width"]) == (100, 75)
    assert (row["image"], row["mask"]) == (str(plain / "images/far/a b.jpg"), str(plain / "masks/far/a b.png"))
    assert (row["own_mask"], row["own_height"], row["own_width"]) == (
        str(root / "SegmentationClass/far/a b.png"),
        *(4000, 3000),
    )
    image, small_mask = read_image(row["image"]), read_mask(row["mask"])
    assert image.shape == (100, 75, 3) and small_mask.shape == (100, 75)
    assert image[:48].max() < 5 and image[52:, :, 0].min() > 245 and image[52:, :, 1:].max() < 5
    assert (small_mask[:50] == 0).all() and (small_mask[50:] == 2).all()
    assert (root / "JPEGImages/far/a b.jpg").read_bytes() == before
    small = linked.tables["val"].iloc[0]
    assert small["image"] == str(root / "JPEGImages/small.jpg")
    assert (small["own_mask"], small["own_height"], small["own_width"]) == (small["mask"], 4, 6)
    assert sorted(path.name for path in plain.rglob("*.*")) == ["a b.jpg", "a b.png"]


# --- a plain folder with a table of tags
