"""SBD's masks: read from MATLAB files as the real ones, written as palette PNGs, and refused when they are not."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mdc.data.mask_files import read_mask
from mdc.data.sbd import convert_sbd, read_mat_mask, sbd_ids
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import read_table
from tests.voc_archives import SBD_MASKS, SBD_TRAIN, SBD_VAL, mask_of, sbd_files, write_folder


@pytest.fixture
def root(tmp_path) -> Path:
    return write_folder(tmp_path / "data", sbd_files()) / "benchmark_RELEASE"


def cls(root: Path, id: str) -> Path:
    return root / "dataset" / "cls" / f"{id}.mat"


def test_ids_are_those_of_both_lists_from_any_usual_folder(root):
    expected = sorted(SBD_TRAIN + SBD_VAL)
    assert sbd_ids(root) == sbd_ids(root / "dataset") == sbd_ids(root.parent) == expected
    assert len(expected) == 6


def test_an_id_in_both_lists_or_a_folder_without_lists_is_refused(root):
    with open(root / "dataset" / "val.txt", "a") as file:
        file.write("2008_000003\n")
    with pytest.raises(InputError, match="'2008_000003' is listed twice in train.txt and val.txt"):
        sbd_ids(root)
    with pytest.raises(InputError, match=r"cls: is not a folder of SBD: it has no cls/ with train\.txt and val\.txt"):
        sbd_ids(root / "dataset" / "cls")


def test_an_id_that_would_leave_the_folder_is_refused(root):
    with open(root / "dataset" / "train.txt", "a") as file:
        file.write("../../../evil\n")
    with pytest.raises(InputError, match=r"the image id '\.\./\.\./\.\./evil' in train\.txt or val\.txt is"):
        sbd_ids(root)


def test_masks_have_their_classes_and_size(root):
    mask = read_mat_mask(cls(root, "2008_000008"))  # the last but three in the list of sizes: 67 x 73
    assert (mask.dtype, mask.shape) == (np.uint8, (67, 73))
    assert mask[4:14, 8:-8].tolist() == [[13] * 57] * 10  # horse
    assert np.count_nonzero(mask) == 57 * 10


def test_conversion_gives_palette_pngs_and_their_table(root, tmp_path):
    convert_sbd(root, folder=tmp_path / "masks", table_csv=tmp_path / "masks.csv", processes=2)
    table = read_table([tmp_path / "masks.csv"])
    assert list(table) == sorted(SBD_MASKS)
    for id, shown in SBD_MASKS.items():
        assert table[id] == str(tmp_path / "masks" / f"{id}.png")
        np.testing.assert_array_equal(read_mask(Path(table[id])), mask_of(id, shown, border=0))
    picture = Image.open(table["2008_000007"])
    assert picture.mode == "P" and picture.getpalette()[12:15] == [0, 0, 128]  # VOC's colour of class 4, boat


def test_every_mask_that_cannot_be_used_is_named_and_no_table_is_written(root, tmp_path):
    cls(root, "2007_000033").unlink()
    whole = cls(root, "2007_000042").read_bytes()
    cls(root, "2007_000042").write_bytes(whole[: len(whole) // 2])
    savemat(cls(root, "2008_000002"), {"GTinst": {"Segmentation": np.zeros((4, 4), np.uint8)}})
    savemat(cls(root, "2008_000003"), {"GTcls": {"Segmentation": np.full((4, 4), 21, np.uint8)}})
    savemat(cls(root, "2008_000007"), {"GTcls": {"Segmentation": "text"}})
    with pytest.raises(InputError) as error:
        convert_sbd(root, folder=tmp_path / "masks", table_csv=tmp_path / "masks.csv", processes=1)
    headline, *lines = str(error.value).splitlines()
    assert headline == "5 of 6 masks of SBD cannot be used:"
    for line, (id, words) in zip(
        lines,
        [
            ("2007_000033", "there is no such mask, but its id is in SBD's lists: unpack SBD again"),
            ("2007_000042", "is not readable as a mask of SBD ("),
            ("2008_000002", "is not readable as a mask of SBD ('GTcls'): unpack SBD again"),
            ("2008_000003", "GTcls.Segmentation has values other than 0 to 20"),
            ("2008_000007", "GTcls.Segmentation is <U4"),
        ],
        strict=True,
    ):
        assert line.startswith(f"  {cls(root, id)}: {words}")
    assert not (tmp_path / "masks.csv").exists()


def test_every_damaged_byte_of_a_mask_is_noticed_or_changes_nothing(root):
    path = cls(root, "2008_000008")
    whole, mask = path.read_bytes(), read_mat_mask(path)
    refused = 0
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            np.testing.assert_array_equal(read_mat_mask(path), mask)
        except InputError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > (len(whole) - 200) / 5  # all but those of the header, which is a text


def test_a_mask_on_which_scipy_crashes_is_refused_and_the_next_one_read(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("mdc.data.sbd.loadmat", lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV))
        with pytest.raises(
            InputError, match=r"2008_000008\.mat: is not readable as a mask of SBD \(.*reading it crashed"
        ):
            read_mat_mask(cls(root, "2008_000008"))
    assert read_mat_mask(cls(root, "2008_000008")).max() == 13
