"""VOC 2012 with SBD becomes the paper's lists, counted and disjoint, with VOC's masks before SBD's."""

from pathlib import Path

import numpy as np
import pytest

from mdc.data.labels import CLASSES
from mdc.data.mask_files import read_mask
from mdc.data.sbd import convert_sbd
from mdc.data.voc_sbd import link_voc_sbd, split_lists
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import read_table
from tests import voc_archives as made
from tests.unit.data.photo_folders import lines_of

VOC = {"train": ["a", "b"], "val": ["c", "d"]}
NUMBERS = {"train": 2, "trainaug": 3, "trainvalaug": 5, "val": 2, "test": 1}


def lists(**changes) -> dict[str, list[str]]:
    given = {"voc": VOC, "sbd": ["e", "d", "b"], "test": None, "train_list": "trainaug", "expected_images": NUMBERS}
    return split_lists(**given | changes)


def test_the_training_list_is_vocs_and_sbds_less_vocs_val():
    assert lists() == {"train": ["a", "b", "e"], "val": ["c", "d"]}
    assert lists(train_list="train", sbd=[]) == {"train": ["a", "b"], "val": ["c", "d"]}
    assert lists(test=["t"]) == {"train": ["a", "b", "e"], "val": ["c", "d"], "test": ["t"]}


def test_the_papers_numbers_follow_from_the_sizes_and_overlaps_of_the_real_lists():
    # VOC 2012 has 1,464 + 1,449 segmented images and SBD 8,498 + 2,857; the paper's 10,582 and 12,031 fix the overlaps
    train, val = [f"t{n}" for n in range(1464)], [f"v{n}" for n in range(1449)]
    sbd = [*train[:1103], *val[:1134], *(f"s{n}" for n in range(8498 + 2857 - 1103 - 1134))]
    expected = {"train": 1464, "trainaug": 10582, "trainvalaug": 12031, "val": 1449, "test": 1456}
    for name, number in (("trainaug", 10582), ("trainvalaug", 12031), ("train", 1464)):
        found = lists(voc={"train": train, "val": val}, sbd=sbd, train_list=name, expected_images=expected)
        assert len(found["train"]) == number
        assert found["val"] == ([] if name == "trainvalaug" else sorted(val))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sbd": ["e", "f"]}, "the list trainaug has 4 images, not 3 (data.expected_images.trainaug): VOC lists 2 for"),
        ({"voc": {"train": ["a", "b"], "val": ["c"]}, "sbd": ["e"]}, "the list val has 1 images, not 2"),
        ({"test": ["t", "u"]}, "the list test has 2 images, not 1"),
        (
            {"voc": {"train": ["a", "c"], "val": ["c", "d"]}},
            "VOC's lists train and val share 1 images",
        ),
    ],
)
def test_other_lists_than_the_original_ones_are_refused(changes, sentence):
    with pytest.raises(InputError) as error:
        lists(**changes)
    assert str(error.value).startswith(sentence)


@pytest.fixture
def folders(tmp_path) -> Path:
    """VOC, SBD, its converted masks and the test images."""
    for name, files in (("voc", made.voc_files()), ("sbd", made.sbd_files()), ("test", made.voc_test_files())):
        made.write_folder(tmp_path / name, files)
    convert_sbd(tmp_path / "sbd", folder=tmp_path / "png", table_csv=tmp_path / "png.csv", processes=1)
    return tmp_path


def linked(folders: Path, **changes):
    settings = {
        "sbd_root": folders / "sbd",
        "sbd_masks": read_table([folders / "png.csv"]),
        "test_root": folders / "test",
        "train_list": "trainaug",
        "expected_images": made.EXPECTED_IMAGES,
        "plain_folder": folders / "plain",
        "max_side_px": 100,
        "processes": 1,
    }
    return link_voc_sbd(folders / "voc", **settings | changes)


def test_manifests_of_the_paper(folders):
    found = linked(folders)
    assert found.classes == CLASSES
    train, val, test = (found.tables[split].set_index("id") for split in ("train", "val", "test"))
    assert tuple(train.index) == made.TRAINAUG and tuple(val.index) == tuple(sorted(made.VAL))
    assert tuple(test.index) == made.TEST
    for id, row in train.iterrows():
        assert row["image"] == str(folders / f"voc/VOCdevkit/VOC2012/JPEGImages/{id}.jpg")
        assert set(row["tags"].split(";")) == set(made.TAGS[id])
        assert (row["height"], row["width"]) == made.size_of(id)
        own = id in made.VOC_MASKS
        shown = (made.VOC_MASKS if own else made.SBD_MASKS)[id]
        mask = read_mask(Path(row["mask"]))
        np.testing.assert_array_equal(mask, made.mask_of(id, shown, border=255 if own else 0))
    assert (test["mask"] == "").all() and (test["tags"] == "").all()


def test_where_tags_and_masks_differ_is_listed(folders):
    table = linked(folders).tag_differences
    assert table.to_dict("records") == [
        {"id": "2008_000003", "split": "train", "tagged_only": "person", "masked_only": ""},
        {"id": "2008_000008", "split": "train", "tagged_only": "", "masked_only": "person"},
    ]


@pytest.mark.parametrize("id", ["2007_000042", "2008_000008"])  # of val and of train, both in SBD as well
def test_vocs_own_masks_are_not_replaced_by_sbds(folders, id):
    masks = folders / "voc/VOCdevkit/VOC2012/SegmentationClass"
    (masks / f"{id}.png").unlink()
    with pytest.raises(InputError) as error:
        linked(folders)
    (line,) = lines_of(error)
    assert line == f"{masks}: lacks the masks of 1 of VOC's 5 segmented images, the first is {id}.png: restore them"
