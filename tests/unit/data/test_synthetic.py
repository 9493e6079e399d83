"""The built-in dataset: its files agree with each other, and a scene depends on nothing but its name and the seed."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from mdc.data.annotations import read_tags
from mdc.data.labels import VOID
from mdc.data.mask_files import read_mask
from mdc.data.synthetic.dataset import drawn_again, write_dataset
from mdc.data.synthetic.scene import CLASSES, HUES, MIN_VISIBLE_PX, draw_scene

IMAGES = {"train": 12, "val": 5}
SIDE_PX = 96


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset") / "synthetic"
    write_dataset(root, images=IMAGES, side_px=SIDE_PX, body_cue=0.5, seed=7, processes=1)
    return root


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed), side_px=96, body_cue=0.5) for seed in range(60)]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_any_number_of_processes_writes_the_same_bytes(dataset, tmp_path):
    write_dataset(tmp_path / "synthetic", images=IMAGES, side_px=SIDE_PX, body_cue=0.5, seed=7, processes=2)
    assert contents(tmp_path / "synthetic") == contents(dataset)


def test_a_scene_does_not_depend_on_the_size_of_the_splits(dataset, tmp_path):
    write_dataset(
        tmp_path / "synthetic", images={"val": 2, "test": 1}, side_px=SIDE_PX, body_cue=0.5, seed=7, processes=1
    )
    for name in ("JPEGImages/val_000001.jpg", "SegmentationClass/val_000001.png", "Annotations/val_000001.xml"):
        assert (tmp_path / "synthetic" / name).read_bytes() == (dataset / name).read_bytes()


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
    foreground = [((scene.mask > 0) & (scene.mask < VOID)).mean() for scene in scenes]
    assert 0.2 < np.mean(foreground) < 0.35  # .28 on the photographs that the scenes are calibrated to
    assert min(foreground) < 0.08 and max(foreground) > 0.5


def test_heads_lie_in_the_image_on_their_objects_and_distractors_on_the_background(scenes):
    assert any(scene.distractors.any() for scene in scenes)
    for scene in scenes:
        assert [head.label for head in scene.heads] == [thing.label for thing in scene.objects]
        for head in scene.heads:
            assert head.fits(96)
            assert scene.mask[round(head.y), round(head.x)] == head.label
        assert not scene.mask[scene.distractors & (scene.mask != VOID)].any()


def hues_of_bodies(body_cue: float) -> dict[int, list[float]]:
    """Return, by class, the hues of the middle pixels of bodies that are saturated enough to have one."""
    found: dict[int, list[float]] = {}
    for seed in range(60):
        scene = draw_scene(np.random.default_rng(seed), side_px=96, body_cue=body_cue)
        hsv = cv2.cvtColor(scene.image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
        rows, columns = np.indices(scene.mask.shape)
        far = np.min([np.hypot(columns - head.x, rows - head.y) - head.radius for head in scene.heads], axis=0) > 3
        for label in {head.label for head in scene.heads}:
            body = (scene.mask == label) & far & (hsv[..., 1] > 0.25)
            if body.sum() > 60:
                found.setdefault(label, []).append(float(np.median(hsv[body][:, 0])) / 360)
    return found


def test_bodies_hint_at_their_class_as_often_as_they_are_told_to():
    def near(found: dict[int, list[float]]) -> float:
        distances = [abs((hue - HUES[label - 1] + 0.5) % 1 - 0.5) for label, hues in found.items() for hue in hues]
        return float(np.mean(np.array(distances) < 0.09))

    assert near(hues_of_bodies(1.0)) > 0.85  # the rest: bodies of low contrast, two objects of a class
    assert near(hues_of_bodies(0.0)) < 0.35  # by chance .18


def test_a_scene_can_be_drawn_again_from_its_name(dataset):
    scene = drawn_again("val", 3, side_px=SIDE_PX, body_cue=0.5, seed=7)
    assert (read_mask(dataset / "SegmentationClass/val_000003.png") == scene.mask).all()


def test_the_generator_is_frozen():
    """Numbers of the study were measured on these very scenes; a change of them makes another dataset."""
    scene = drawn_again("train", 1, side_px=96, body_cue=0.5, seed=0)
    assert [(head.label, round(head.x), round(head.y), head.radius) for head in scene.heads] == [
        (2, 60, 30, 5.0), (4, 29, 72, 5.0), (3, 63, 49, 5.0)
    ]  # fmt: skip
    assert (scene.mask == 0).sum() == 8494
    assert scene.image.mean((0, 1)).tolist() == pytest.approx([131.06, 127.71, 116.93], abs=0.05)
