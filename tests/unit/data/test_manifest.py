"""The table of a split's images, and how images are divided into splits."""

import numpy as np
import pandas
import pytest

from mdc.data.labels import CLASSES
from mdc.data.manifest import COLUMNS, SIDES, read_manifest, tag_indices, tag_matrix, write_manifest
from mdc.data.splits import split_by_hash
from mdc.runtime.errors import InputError
from tests.unit.data.photo_folders import CATS_AND_DOGS, table


def test_manifest_comes_back_as_written(tmp_path):
    rows = [
        ("007", "a b/007.jpg", "cat;dog", "", 4, 6, "", 8, 12, "0123456789abcdef"),
        ('NA, "x"/1e5', "é.jpg", "", "m.png", 10, 20, "o.png", 10, 20, "00000000000000e1"),
    ]
    written = pandas.DataFrame(rows, columns=list(COLUMNS))
    write_manifest(written, tmp_path / "run" / "train.csv")
    read = read_manifest(tmp_path / "run" / "train.csv")
    assert list(read.itertuples(index=False, name=None)) == rows
    assert all(type(value) is str for name in COLUMNS if name not in SIDES for value in read[name])
    header = "id,image,tags,mask,height,width,own_mask,own_height,own_width,digest\n"
    assert (tmp_path / "run" / "train.csv").read_text().startswith(header)


HEADER = "id,image,tags,mask,height,width,own_mask,own_height,own_width,digest\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a readable table"),
        ("id,image\na,b\n", "the columns are id, image, expected id, image, tags,"),
        (HEADER + "a,b,,,x,1,,1,1,d\n", "the height 'x' is not a number of pixels"),
        (HEADER + "a,b,,,1,-1,,1,1,d\n", "the width '-1' is not a number of pixels"),
        (HEADER + "a,b,,,1\n", "a row is cut off"),
    ],
)
def test_other_files_are_no_manifests(tmp_path, text, sentence):
    with pytest.raises(InputError, match=rf"a\.csv: {sentence}.*data stage"):
        read_manifest(table(tmp_path / "a.csv", text))


def test_tags_as_indices_and_as_a_matrix():
    assert tag_indices("dog;cat", CATS_AND_DOGS) == [1, 2]
    assert tag_indices("", CATS_AND_DOGS) == []
    assert tag_indices("tvmonitor;aeroplane", CLASSES) == [1, 20]
    with pytest.raises(InputError, match="cow"):
        tag_indices("cat;cow", CATS_AND_DOGS)
    with pytest.raises(InputError, match="'dog;dog' name a class twice"):
        tag_indices("dog;dog", CATS_AND_DOGS)
    matrix = tag_matrix(pandas.DataFrame({"tags": ["dog", "", "cat;dog"]}), CATS_AND_DOGS)
    assert matrix.dtype == np.float32 and matrix.tolist() == [[0, 1], [0, 0], [1, 1]]


# --- splitting by hash


def test_split_is_stable_under_adding_images():
    few = split_by_hash([f"image {n}" for n in range(500)], val_share=0.2, seed=3)
    many = split_by_hash([f"image {n}" for n in range(999, -1, -1)], val_share=0.2, seed=3)
    assert few == {id: many[id] for id in few}
    assert 60 < list(few.values()).count("val") < 140  # 100 expected, 9 its standard deviation
    assert few != split_by_hash(few, val_share=0.2, seed=4)


def test_both_splits_get_an_image():
    for val_share in (0.000001, 0.999999):
        assert sorted(split_by_hash(["a", "b", "c"], val_share=val_share, seed=0).values())[::2] == ["train", "val"]
    assert split_by_hash([], val_share=0.5, seed=0) == {}


# --- a folder in VOC's layout
