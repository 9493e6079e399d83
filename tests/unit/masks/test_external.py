"""Another method's masks: copied as they are, and all that cannot be used is listed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask, write_mask
from mdc.masks.external import ExternalMasks, copy_masks
from mdc.masks.producers import images_without_maps
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import read_table

REDUCED = [[0, 1, 2], [255, 0, 0]]
MASKS = {
    "x/1": REDUCED,
    "own": [[0, 0, 1, 1, 2, 2]] * 2 + [[255, 255, 0, 0, 0, 0]] * 2,  # the photo's own size
    "turned": np.zeros((6, 4)),
    "other": np.zeros((5, 6)),
    "strange": [[0, 3, 7], [255, 2, 3]],
    "BINARY_mask": [[0, 255, 255], [0, 0, 0]],
}


@pytest.fixture
def copied(tmp_path, write_split):
    """Return a function that copies masks of photos of 4 x 6 pixels, reduced to 2 x 3, and returns them."""
    for name, mask in MASKS.items():
        write_mask(tmp_path / "theirs" / f"{name}.png", np.array(mask, np.uint8))
    photo, own = np.zeros((2, 3, 3), np.uint8), np.zeros((4, 6), np.uint8)

    def copy(*names: str) -> dict[str, list]:
        images = {name: (photo, "a", None) for name in names}
        copy_masks(
            split_csv=write_split("train", images, own_truths=dict.fromkeys(names, own)),
            external_folder=tmp_path / "theirs",
            masks_csv=tmp_path / "masks.csv",
            folder=tmp_path / "masks",
            classes=["a", "b"],
            shard=0,
            shards=1,
            processes=1,
        )
        return {name: read_mask(Path(path)).tolist() for name, path in read_table([tmp_path / "masks.csv"]).items()}

    return copy


def test_masks_are_copied_and_reduced_as_their_photos_are(copied):
    assert copied("x/1", "own") == {"x/1": REDUCED, "own": REDUCED}


def test_all_masks_that_cannot_be_used_are_listed_and_no_table_is_written(tmp_path, copied):
    with pytest.raises(InputError) as error:
        copied("x/1", "turned", "other", "strange", "missing")
    headline, *lines = str(error.value).splitlines()
    assert headline == "masks.external_masks, 4 masks cannot be used:"
    for line, words in zip(
        lines,
        [
            "turned.png: the mask is 4 x 6, its photo 6 x 4 pixels, reduced to 3 x 2: width and height are swapped",
            "other.png: the mask is 6 x 5, its photo 6 x 4 pixels, reduced to 3 x 2",
            "strange.png: holds 3, 7, which are not classes",
            "missing.png: no such mask",
        ],
        strict=True,
    ):
        assert words in line
    assert not (tmp_path / "masks.csv").exists()


def test_masks_of_0_and_255_are_refused(copied):
    with pytest.raises(InputError, match="masks.external_masks, .*theirs: no mask shows a class, but 1 of 1 hold 255"):
        copied("binary")


def test_scores_of_external_masks_are_1_at_their_class_and_0_where_unlabelled(tmp_path, write_split):
    write_mask(tmp_path / "theirs" / "i.png", np.array([[0, 3, 255, 1, 2]], np.uint8))
    table = read_manifest(write_split("one", {"i": (np.zeros((1, 5, 3), np.uint8), "a;c", None)}))
    (image,) = images_without_maps(table, ["a", "b", "c"])
    image = replace(image, external_mask_path=str(tmp_path / "theirs" / "i.png"))
    producer = ExternalMasks(3)
    labels, scores = producer.labels(image), producer.scores(image)
    assert labels.dtype == np.uint8 and labels.tolist() == [[0, 3, 255, 1, 2]]
    # class 2 is no tag of this image
    assert scores[:, 0].tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 1, 0, 0, 0]]
    scored = scores.max(0) == 1
    assert (np.array([0, 1, 3])[scores.argmax(0)][scored] == labels[scored]).all()
