"""Linking VOC 2012 and SBD: the paper's lists of images (§4.1), and who has a mask."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mdc.data.labels import CLASSES
from mdc.data.locate import NEEDS_SBD, has_test_images
from mdc.data.sbd import sbd_ids
from mdc.data.text_lists import read_list
from mdc.data.validate_images import SplitTables, split_tables
from mdc.data.voc_layout import layout_root, listed_photos, read_layout
from mdc.runtime.errors import InputError


def link_voc_sbd(
    voc_root: Path,
    *,
    sbd_root: Path | None,
    sbd_masks: Mapping[str, str],
    test_root: Path | None,
    train_list: str,
    expected_images: Mapping[str, int],
    plain_folder: Path,
    max_side_px: int,
    processes: int,
) -> SplitTables:
    """Return the manifests of VOC 2012 with SBD's masks: train, val, and test if its images are there.

    Args:
        voc_root: VOC's folder with JPEGImages, or a parent; photos and annotations of SBD's images are VOC's too.
        sbd_root: SBD's folder, or None if `train_list` is `train`.
        sbd_masks: id -> palette PNG, as `sbd.convert_sbd` made them, for images that VOC does not list itself.
        test_root: a folder in VOC's layout with the test images and their list; None takes `voc_root` if it has them.
        train_list, expected_images: see `split_lists`.
        plain_folder, max_side_px, processes: see `validate_images.split_tables`.

    Raises one `InputError` that lists all problems.
    """
    root = layout_root(Path(voc_root))
    segmentation = root / "ImageSets" / "Segmentation"
    voc = {split: read_list(segmentation / f"{split}.txt") for split in ("train", "val")}
    if test_root is None and has_test_images(root):
        test_root = root
    test = None
    if test_root is not None:
        test_root = layout_root(Path(test_root))
        test = read_list(test_root / "ImageSets" / "Segmentation" / "test.txt")
    sbd = sbd_ids(sbd_root) if train_list in NEEDS_SBD else []
    lists = split_lists(voc=voc, sbd=sbd, test=test, train_list=train_list, expected_images=expected_images)
    layout = read_layout(root)
    problems = layout.problems
    vocs_own = {*voc["train"], *voc["val"]}
    unmasked = sorted(id for id in vocs_own if not (root / "SegmentationClass" / f"{id}.png").is_file())
    if unmasked:
        problems.append(
            f"{root / 'SegmentationClass'}: lacks the masks of {len(unmasked)} of VOC's {len(vocs_own)} segmented "
            f"images, the first is {unmasked[0]}.png: restore them"
        )
    others = {id: path for id, path in sbd_masks.items() if id not in vocs_own}
    photos = {
        split: listed_photos(layout, lists[split], split=split, other_masks=others, problems=problems)
        for split in ("train", "val")
    }
    if test is not None:
        if test_root != root:
            layout = read_layout(test_root)
            problems += layout.problems
        photos["test"] = listed_photos(layout, lists["test"], split="test", other_masks={}, problems=problems)
    return split_tables(
        photos,
        classes=CLASSES,
        problems=problems,
        plain_folder=plain_folder,
        max_side_px=max_side_px,
        processes=processes,
    )


def split_lists(
    *,
    voc: Mapping[str, Sequence[str]],
    sbd: Sequence[str],
    test: Sequence[str] | None,
    train_list: str,
    expected_images: Mapping[str, int],
) -> dict[str, list[str]]:
    """Return the ids of train, val and, unless `test` is None, test; each sorted.

    `train_list` says what is trained on: `train`, VOC's own training images (1,464); `trainaug`, these and SBD's, less
    VOC's val (10,582, paper §4.1); `trainvalaug`, all of them (12,031), and then val is empty, as the paper reports
    its split with 2,913 strong images on test only.

    Args:
        voc: VOC's segmentation lists `train` and `val`.
        sbd: SBD's own train and val lists together.
        expected_images: number of images of each of these lists, and of `val` and `test`.

    Raises:
        InputError: a list has another number of images, or VOC's train and val share one.
    """
    train, val = set(voc["train"]), set(voc["val"])
    shared = sorted(train & val)
    if shared:
        raise InputError(
            f"VOC's lists train and val share {len(shared)} images, the first is '{shared[0]}': restore the original "
            "lists in ImageSets/Segmentation"
        )
    chosen = {"train": train, "trainaug": (train | set(sbd)) - val, "trainvalaug": train | set(sbd) | val}[train_list]
    lists = {"train": sorted(chosen), "val": [] if train_list == "trainvalaug" else sorted(val)}
    found = {train_list: chosen, "val": val}
    if test is not None:
        lists["test"] = sorted(set(test))
        found["test"] = set(test)
    for name, ids in found.items():
        if len(ids) != expected_images[name]:
            sizes = f"VOC lists {len(train)} for train and {len(val)} for val, SBD {len(sbd)}"
            raise InputError(
                f"the list {name} has {len(ids)} images, not {expected_images[name]} (data.expected_images.{name}): "
                f"{sizes}; restore the original lists, or correct the number if yours differ on purpose"
            )
    assert not set(lists["train"]) & set(lists["val"])
    return lists
