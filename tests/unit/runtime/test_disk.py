"""Disks that are full, limited or read-only: one sentence, no half file, and room again for the next attempt."""

import os
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from torch import nn

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.data.images import write_plain
from mdc.data.mask_files import write_mask
from mdc.figures.style import save_figure
from mdc.networks.checkpoints import save_network
from mdc.networks.grid import Grid
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.predictions.files import Scores, add_scores, create_scores
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.locks import locked
from mdc.storage.image_tables import write_table
from tests.disks import closed_folder, limited_files, mounted, small_disk

SCORES = {"grid": Grid(8), "classes": ["cat"], "weights_hash": "0123", "config": {}}
MAPS = CamsInfo(grid=Grid(8), dilations=[1], classes=["cat"], weights_hash="0123")
DESCRIPTION = ClassifierDescription(
    classes=["cat"], encoder={"name": "vgg"}, dilations=[1], block_width=8, block_norm="none", head="per_block"
)
NOISE = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)  # 2.4 MB that no format makes much smaller
FULL = {
    "tmpfs": r"No space left on device \(0\.0 of 1\.0 MB are free in {folder}\): free some space",
    "limit": r"File too large \([\d.]+ of [\d.]+ MB are free in {folder}\): allow larger files \(ulimit -f\)",
}


@pytest.fixture(params=["tmpfs", "limit"])
def tight(request, tmp_path):
    """A folder that takes files of 1 MiB at most, and what is said there of larger ones, as a pattern."""
    folder = tmp_path / "tight"
    with (small_disk if request.param == "tmpfs" else limited_files)(folder):
        yield folder, FULL[request.param].format(folder=re.escape(str(folder)))


def write_maps(path, *, items=40, values=20_000):
    with create_cams(path, MAPS, config={}) as writer:
        for number in range(items):
            maps = np.full((1, 1, 1, values), number, np.float16)
            ids, logits = np.array([1], np.uint8), np.zeros((1, 1), np.float32)
            writer.add(Cams(id=str(number), maps=maps, class_ids=ids, logits=logits, height=8, width=8).item())


def write_scores(path, *, items=2, values=400_000):
    with create_scores(path, **SCORES) as writer:
        for number in range(items):
            scores = np.full((1, 1, values), number, np.float16)
            add_scores(writer, Scores(id=str(number), scores=scores, height=1, width=8 * (values - 1) + 1))


def draw(path):
    figure, axes = plt.subplots(figsize=(20, 20))
    axes.imshow(NOISE, interpolation="nearest")
    try:
        save_figure(figure, path)
    finally:
        plt.close("all")


def many_layers():
    return nn.ModuleList(nn.Linear(9, 9) for _ in range(3000))


WRITERS = {
    "mask.png": lambda path: write_mask(path, np.vstack([NOISE[:, :, 0], NOISE[:, :, 1]])),
    "photo.jpg": lambda path: write_plain(path, NOISE),
    "table.csv": lambda path: write_table([(f"{i:08d}" * 5, "a.png", "0" * 16) for i in range(20_000)], path),
    "maps.h5": write_maps,  # arrays that HDF5 holds back until it forgets that they could not be written
    "many.h5": lambda path: write_maps(path, items=3000, values=4),  # hardly more than names and attributes
    "scores.h5": write_scores,
    "weights.pt": lambda path: save_network(path, nn.Linear(1000, 1000), DESCRIPTION, settings={}),
    "many.pt": lambda path: save_network(path, many_layers(), DESCRIPTION, settings={}),
    "figure.png": draw,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_a_sentence_and_has_room_again(tight, name):
    folder, said = tight
    with pytest.raises(
        InputError,
        match=rf"^{re.escape(str(folder / name))}: {said}, then run the same command "
        rf"again$",
    ):
        WRITERS[name](folder / name)
    assert os.listdir(folder) == []
    write_whole(folder / "next", bytes(900_000))  # nothing holds on to what was removed


@pytest.mark.parametrize("name", ["mask.png", "scores.h5", "weights.pt"])
def test_a_file_that_is_there_survives_a_failed_attempt_to_replace_it(tight, name):
    folder, said = tight
    (folder / name).write_bytes(b"the old one")
    with pytest.raises(InputError, match=said):
        WRITERS[name](folder / name)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {name: b"the old one"}


def test_a_read_only_disk_is_a_sentence(tmp_path):
    said = r"Read-only file system \(.* MB are free in {}\): make it writable or work in another folder, then run"
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs") as folder:
        for name in ("weights.pt", "scores.h5", "mask.png"):
            with pytest.raises(InputError, match=rf"{name}: {said.format(folder)}"):
                WRITERS[name](folder / name)
            with pytest.raises(InputError, match=rf"{name}: {said.format(folder)}"):
                WRITERS[name](folder / "new" / name)
        with pytest.raises(InputError, match=rf"a\.log: {said.format(folder)}"), locked(folder / "a.log", what="it"):
            pass


def test_a_disk_that_has_room_again_before_the_end_leaves_no_zeros(tmp_path):
    # HDF5 forgets what it could not write: were it not looked after, the file would be whole, with zeros in it
    with small_disk(tmp_path / "disk") as folder:
        (folder / "filler").write_bytes(bytes(900_000))
        with pytest.raises(InputError, match=r"m\.h5: No space left on device"):
            with create_scores(folder / "m.h5", **SCORES) as writer:
                number = 0
                while writer.disk.refusal is None:
                    scores = np.full((1, 1, 20_000), 1, np.float16)
                    add_scores(writer, Scores(id=str(number), scores=scores, height=1, width=8 * 19_999 + 1))
                    number += 1
                (folder / "filler").unlink()
        assert number >= 3 and os.listdir(folder) == []  # 148,576 bytes are three arrays and a piece


@pytest.mark.parametrize("write", [write_whole, lambda path, _: locked(path, what="writing").__enter__()])
def test_a_folder_of_others_is_named(tmp_path, write):
    path = tmp_path / "folder" / "file"
    with closed_folder(tmp_path), pytest.raises(InputError) as error:
        write(path, b"")
    said = r"Permission denied \(.* MB are free in .*\): ask its owner for access or work in another folder, then run"
    assert re.match(f"{path}: {said}", str(error.value))
