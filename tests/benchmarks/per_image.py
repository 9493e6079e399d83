"""What one image of 500 x 375 pixels takes, stage by stage: bytes on disk and seconds of one CPU core.

python -m tests.benchmarks.per_image

20 classes, four blocks and stride 8, as the paper has them. CPU seconds: other work on the machine changes them little.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from mdc.cams.files import Cams, CamsInfo, create_cams
from mdc.crf import Parameters, refine
from mdc.masks.fusion import Recipe, fused_at_image_size, pseudo_mask
from mdc.networks.grid import Grid
from mdc.predictions.files import Scores, add_scores, create_scores
from mdc.saliency.rbd import rbd
from mdc.storage.hdf5 import Writer
from mdc.training.datasets import TrainingViews
from tests.benchmarks.crf import PAPER, example

HEIGHT, WIDTH, BLOCKS, CLASSES = 375, 500, 4, 20
GRID = Grid(8)
FEATURES = GRID.features(HEIGHT), GRID.features(WIDTH)  # rows and columns
ROUNDS, STORED = 9, 200
NAMES = [f"class{index}" for index in range(CLASSES)]
INFO = CamsInfo(grid=GRID, dilations=[1, 3, 6, 9], classes=NAMES, weights_hash="")


def cams(rng: np.random.Generator, image_id: str, tags: int) -> Cams:
    """Return maps of an image with so many tags."""
    maps = rng.standard_normal((BLOCKS, tags, *FEATURES))
    ids = np.arange(1, tags + 1)
    return Cams(image_id, maps, ids, rng.standard_normal((BLOCKS, CLASSES)), HEIGHT, WIDTH)


def stored_bytes(path: Path, created: AbstractContextManager[Writer], add: Callable[[Writer, str], None]) -> float:
    """Return the bytes that an image takes in the file at `path`."""
    with created as writer:
        for index in range(STORED):
            add(writer, f"{index:07d}")
    return path.stat().st_size / STORED


def training_view(photo: np.ndarray, folder: Path) -> Callable[[], dict]:
    """Return what reads and augments a photo as the classifier's training on VOC does."""
    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 12, photo.shape), 0, 255).astype(np.uint8)
    cv2.imwrite(str(folder / "photo.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])  # 77 kB; without noise 28
    views = TrainingViews(
        ids=["photo"],
        images=[str(folder / "photo.jpg")],
        tags=np.ones((1, CLASSES), np.float32),
        masks=None,
        seed=0,
        crop_px=321,
        resize_long_side_px=[320, 640],
        flip=True,
        fill=(124, 116, 104),
    )
    return lambda: views[0, 0]


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the median of the CPU seconds of a few calls."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return median(times)


def main() -> None:
    rng = np.random.default_rng(0)
    photo, probabilities = example(rng)
    one = cams(rng, "x", 1)
    recipe = Recipe(
        threshold=0.3,
        relative_to="max",
        background_saliency_below=0.06,
        background_below=0,
        background_conflict="ignore",
        class_conflict="ignore",
    )

    def fuse() -> None:
        fused = fused_at_image_size(
            one.maps, setting="fusion", names=INFO.blocks, grid=GRID, height=HEIGHT, width=WIDTH
        )
        pseudo_mask(fused, one.class_ids, saliency, recipe)

    saliency = rbd(photo)
    print(f"features: {FEATURES[0]} x {FEATURES[1]}")
    with TemporaryDirectory() as folder:
        path = Path(folder, "maps.h5")
        for tags in (1, 2, 3):
            maps = create_cams(path, INFO, config={})
            size = stored_bytes(path, maps, lambda writer, name, tags=tags: writer.add(cams(rng, name, tags).item()))
            print(f"cams, {tags} tags: {size / 1e3:.1f} kB")
        path = Path(folder, "scores.h5")
        logits = rng.standard_normal((CLASSES + 1, *FEATURES))
        scores = create_scores(path, grid=GRID, classes=["background", *NAMES], weights_hash="", config={})
        size = stored_bytes(path, scores, lambda writer, name: add_scores(writer, Scores(name, logits, HEIGHT, WIDTH)))
        print(f"predictions, {CLASSES + 1} classes: {size / 1e3:.1f} kB")
        print(f"a training view of 321 px: {cpu_seconds(training_view(photo, Path(folder))):.4f} CPU s")
    print(f"saliency (rbd): {cpu_seconds(lambda: rbd(photo)):.2f} CPU s")
    print(f"masks (fusion): {cpu_seconds(fuse):.3f} CPU s")
    crf = Parameters(**PAPER, min_probability=0.05)
    print(f"crf, 3 likely classes: {cpu_seconds(lambda: refine(photo, probabilities, crf)):.2f} CPU s")


if __name__ == "__main__":
    main()
