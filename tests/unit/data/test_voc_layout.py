"""A folder in VOC layout becomes tables, and all that is wrong with it is listed at once."""

from pathlib import Path

import pytest
from PIL import Image

from mdc.data.labels import CLASSES
from mdc.data.manifest import COLUMNS
from mdc.data.splits import split_by_hash
from mdc.data.voc_layout import link_voc_layout
from mdc.runtime.errors import InputError
from tests.unit.data.photo_folders import CATS_AND_DOGS, lines_of, lists, mask, photo, settings, voc_image, xml


def test_voc_layout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "kit" / "VOC2012"
    voc_image(root, "2007_1", "dog", "cat", "dog")
    voc_image(root, "2007_2")
    voc_image(root, "2007_3", "cat")
    photo(root / "JPEGImages" / "2007_4.jpg")  # of test: no annotation
    mask(root / "SegmentationClass" / "2007_1.png", 1, 2, 255)
    lists(root, train="2007_1\n2007_2\n", val="2007_3\n", test="2007_4\n")
    lists(root, "Main", train="nobody\n")  # Segmentation goes before
    linked = link_voc_layout(Path("kit"), **settings(tmp_path))
    assert linked.classes == CATS_AND_DOGS
    assert {split: rows["id"].tolist() for split, rows in linked.tables.items()} == {
        "train": ["2007_1", "2007_2"],
        "val": ["2007_3"],
        "test": ["2007_4"],
    }
    first = linked.tables["train"].iloc[0]
    assert tuple(linked.tables["train"].columns) == COLUMNS
    assert first["image"] == "kit/VOC2012/JPEGImages/2007_1.jpg"
    assert first["mask"] == "kit/VOC2012/SegmentationClass/2007_1.png"
    assert (first["height"], first["width"]) == (4, 6)
    assert len(first["digest"]) == 16
    assert linked.tables["train"]["tags"].tolist() == ["cat;dog", ""]
    assert linked.tables["train"]["mask"].tolist()[1] == ""
    assert not (tmp_path / "plain").exists()


def test_voc_layout_classes_come_from_the_argument_then_the_file_then_voc(tmp_path):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "dog")
    assert link_voc_layout(tmp_path, **settings(tmp_path, classes=())).classes == CLASSES
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    assert link_voc_layout(tmp_path, **settings(tmp_path, classes=())).classes == ("dog", "cat")
    assert link_voc_layout(tmp_path, **settings(tmp_path)).classes == CATS_AND_DOGS


def test_voc_layout_lists_of_main_and_no_lists(tmp_path):
    for id in ("a", "sub/b c", "d", "e", "f", "g"):
        voc_image(tmp_path, id, "cat")
    (tmp_path / "JPEGImages" / "._a.jpg").write_bytes(b"what macOS leaves")
    linked = link_voc_layout(tmp_path, **settings(tmp_path, val_share=0.4))
    expected = split_by_hash(["a", "sub/b c", "d", "e", "f", "g"], val_share=0.4, seed=0)
    assert {id: split for split in ("train", "val") for id in linked.tables[split]["id"]} == expected
    lists(tmp_path, "Main", train="a  1\nsub/b c -1\n", val="d\n")
    linked = link_voc_layout(tmp_path, **settings(tmp_path))
    assert linked.tables["train"]["id"].tolist() == ["a", "sub/b c"] and "test" not in linked.tables


def test_all_problems_of_a_voc_layout_at_once(tmp_path):
    root = tmp_path
    for id in ("good", "torn", "swapped", "strange", "both", "misspelt", "broken"):
        voc_image(root, id, "cat")
    voc_image(root, "val")
    (root / "JPEGImages/twin.jpg").write_bytes((root / "JPEGImages/val.jpg").read_bytes())
    xml(root, "twin")
    xml(root, "misspelt", "dgo", "cat|dog", "zebra")
    (root / "Annotations/broken.xml").write_text("<annotation>")
    (root / "JPEGImages/torn.jpg").write_bytes((root / "JPEGImages/torn.jpg").read_bytes()[:-40])
    photo(root / "JPEGImages/swapped.jpg", size=(6, 4), orientation=6)
    for id, indices in {"good": [1], "swapped": [1], "strange": [1, 7, 9], "both": [0]}.items():
        mask(root / f"SegmentationClass/{id}.png", *indices, size=(5, 5) if id == "both" else (6, 4))
    Image.new("RGB", (6, 4), (9, 9, 0)).save(root / "SegmentationClass/twin.png")
    train = "good good gone torn swapped strange both misspelt broken twin /etc/x ../y"
    lists(root, train=train.replace(" ", "\n"), val="both\nval\n", test="")
    with pytest.raises(InputError) as error:
        link_voc_layout(root, **settings(tmp_path))
    below = "is absolute or contains '..': list images by their path below the data folder"
    lines = lines_of(error)
    torn = [line for line in lines if line.startswith(f"{root}/JPEGImages/torn.jpg: does not decode: copy or save it")]
    assert len(torn) == 1
    assert sorted(set(lines) - set(torn)) == sorted(
        [
            f"{root}/ImageSets/Segmentation/test.txt: is empty: list image ids, one a line",
            "image 'good' is listed 2 times in train: list it once",
            f"{root}/JPEGImages/gone.jpg: is missing, but 'gone' is in train: add it or take it off the list",
            f"image id '/etc/x' in train {below}",
            f"image id '../y' in train {below}",
            f"{root}/Annotations/broken.xml: is not readable XML (no element found: line 1, column 12): "
            "export or copy it again",
            f"{root}/SegmentationClass/swapped.png: is 6 x 4 pixels, but the photo {root}/JPEGImages/swapped.jpg is "
            "4 x 6: width and height are swapped, probably because the photo has a rotation flag: masks and maps "
            "must be those of the photo as a viewer shows it",
            f"{root}/SegmentationClass/both.png: is 5 x 5 pixels, but the photo {root}/JPEGImages/both.jpg is 6 x 4: "
            "draw the mask at the size of the photo",
            f"{root}/SegmentationClass/strange.png: holds 7, 9, which are not classes: "
            "use 0 for background, 1 to 2 for the classes, 255 for void",
            f"{root}/SegmentationClass/twin.png: is a colour picture, 1 of its 1 colours belong to no class, the first "
            "is (9, 9, 0): save the mask as an 8-bit palette or grey PNG of class indices",
            f"{root}/Annotations/misspelt.xml: the tag 'dgo' is not a class: did you mean 'dog'?",
            f"{root}/Annotations/misspelt.xml: the tag 'cat|dog' is not a class: separate tags by ';': cat;dog",
            f"{root}/Annotations/misspelt.xml: the tag 'zebra' is not a class: correct it or add it to the classes",
            "image 'both' is in train and in val: remove it from one of them",
            "training image 'twin' and val image 'val' are the same file under two names: remove one",
        ]
    )
    assert not (tmp_path / "plain" / "masks").exists()
