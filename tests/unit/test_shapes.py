"""The built-in dataset: its files agree with each other, and a scene depends on nothing but its name and the seed."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from mdc.scenes import MIN_VISIBLE_PX, draw_scene
from mdc.shapes import CLASSES, write_dataset
from mdc.voc import VOID, read_mask, read_tags

IMAGES = {"train": 12, "val": 5}
SIDE_PX = 96


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset") / "shapes"
    write_dataset(root, images=IMAGES, side_px=SIDE_PX, seed=7, processes=1)
    return root


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed), side_px=128) for seed in range(60)]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_any_number_of_processes_writes_the_same_bytes(dataset, tmp_path):
    write_dataset(tmp_path / "shapes", images=IMAGES, side_px=SIDE_PX, seed=7, processes=2)
    assert contents(tmp_path / "shapes") == contents(dataset)


def test_a_scene_does_not_depend_on_the_size_of_the_splits(dataset, tmp_path):
    write_dataset(tmp_path / "shapes", images={"val": 2, "test": 1}, side_px=SIDE_PX, seed=7, processes=1)
    for name in ("JPEGImages/val_000001.jpg", "SegmentationClass/val_000001.png", "Annotations/val_000001.xml"):
        assert (tmp_path / "shapes" / name).read_bytes() == (dataset / name).read_bytes()


def test_another_seed_split_or_number_gives_another_scene(dataset, tmp_path):
    write_dataset(tmp_path / "shapes", images={"train": 1}, side_px=SIDE_PX, seed=8, processes=1)
    photos = [(dataset / "JPEGImages" / f"{name}.jpg").read_bytes() for name in ("train_000000", "train_000001")]
    photos.append((dataset / "JPEGImages/val_000000.jpg").read_bytes())
    photos.append((tmp_path / "shapes/JPEGImages/train_000000.jpg").read_bytes())
    assert len(set(photos)) == 4


def test_the_lists_name_each_image_once_and_every_image_has_its_files(dataset):
    for task in ("Segmentation", "Main"):
        for split, count in IMAGES.items():
            ids = (dataset / "ImageSets" / task / f"{split}.txt").read_text().splitlines()
            assert ids == [f"{split}_{number:06d}" for number in range(count)]
    for folder in ("JPEGImages", "SegmentationClass", "Annotations"):
        assert len(list((dataset / folder).iterdir())) == 17
    assert (dataset / "classes.txt").read_text().split() == list(CLASSES)
    assert len(set(CLASSES)) == 6


def test_tags_are_the_classes_of_the_mask_and_boxes_enclose_their_pixels(dataset):
    for path in sorted((dataset / "Annotations").iterdir()):
        mask = read_mask(dataset / "SegmentationClass" / f"{path.stem}.png")
        photo = cv2.imread(str(dataset / "JPEGImages" / f"{path.stem}.jpg"))
        assert mask.shape == photo.shape[:2] == (SIDE_PX, SIDE_PX)
        in_mask = sorted(set(np.unique(mask)) - {0, VOID})
        assert read_tags(path) == {CLASSES[index - 1] for index in in_mask}
        root = ElementTree.parse(path).getroot()
        assert root.findtext("filename") == f"{path.stem}.jpg"
        for index in in_mask:
            rows, columns = np.nonzero(mask == index)
            things = [thing for thing in root.iter("object") if thing.findtext("name") == CLASSES[index - 1]]
            corners = np.array([[int(corner.text) for corner in thing.find("bndbox")] for thing in things])
            # VOC counts from 1 and names xmin, ymin, xmax, ymax; two objects of a class share the mask's index.
            assert [*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)] == [
                columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1
            ]  # fmt: skip
            for thing, box in zip(things, corners, strict=True):
                assert thing.findtext("truncated") == str(int(box.min() == 1 or box.max() == SIDE_PX))


def test_every_object_is_seen_and_outlined_with_void(scenes):
    for scene in scenes:
        assert scene.image.dtype == scene.mask.dtype == np.uint8
        assert 1 <= len(scene.objects) <= 3
        for label, (left, top, right, bottom), _ in scene.objects:
            assert (scene.mask[top : bottom + 1, left : right + 1] == label).sum() >= MIN_VISIBLE_PX
        # Where two pixels side by side differ, one of them is void: no class ever touches another or the background.
        one, other = scene.mask[:, 1:], scene.mask[:, :-1]
        assert ((one == other) | (one == VOID) | (other == VOID)).all()


def test_scenes_are_mixed_as_the_recipe_says(scenes):
    counts = np.bincount([len(scene.objects) for scene in scenes], minlength=4)
    assert counts[1] > counts[2] > counts[3] > 0
    assert {thing.label for scene in scenes for thing in scene.objects} == {1, 2, 3, 4, 5, 6}
    assert {thing.truncated for scene in scenes for thing in scene.objects} == {False, True}
    foreground = np.mean([((scene.mask > 0) & (scene.mask < VOID)).mean() for scene in scenes])
    assert 0.28 < foreground < 0.45


def test_too_small_scenes_are_refused():
    with pytest.raises(ValueError, match="at least 64"):
        draw_scene(np.random.default_rng(0), side_px=63)
