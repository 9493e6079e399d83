"""What several test files share: a table of images made of arrays, and the smallest networks."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: the tests' tensors are tiny

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.data.manifest import COLUMNS, photo_digest, write_manifest
from mdc.data.mask_files import write_mask

# On several cores, a file of tests stays on one worker; these share a run of the workflow that takes minutes.
TINY_RUN = (
    "test_demo.py",
    "test_report.py",
    "test_explore.py",
    "test_reruns.py",
    "test_predict_export.py",
    "test_tables.py",
    "test_study.py",
    "test_faults.py",
    "test_shards.py",
    "test_saliency.py",  # the last: it adds maps to the run
)
ON_ONE_WORKER = dict.fromkeys(TINY_RUN, "tiny_run")
LONGEST_FIRST = ("test_slurm.py", *TINY_RUN, "test_paper.py", "test_dag.py")
LONGEST_FIRST += ("test_own.py", "test_several_gpus.py")
# The config section `encoder`: 8 channels and one convolution a stage, stride 8.
SLIM_ENCODER = {
    "name": "vgg",
    "widths": [8, 8, 8, 8, 8],
    "depths": [1, 1, 1, 1, 1],
    "norm": "none",
    "output_stride": 8,
    "keep_stride1_pools": False,
}
SCHEDULE = {
    "batch_size": 2,
    "micro_batches": 1,
    "epochs": 1,
    "freeze": "none",
    "encoder_batch_norm": "train",
    "optimizer": "sgd",
    "lr": 0.01,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "lr_schedule": "step",
    "lr_decay_epochs": [],
    "lr_decay_factor": 0.1,
    "warmup_steps": 0,
    "bias_lr_factor": 2,
    "new_layer_lr_factor": 10,
    "precision": "32-true",
    "validate_every_epochs": 1,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no worker is left with one at the end."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Return how pytest-xdist hands out tests: file by file, those of `ON_ONE_WORKER` together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            name = Path(nodeid.split("::")[0]).name
            return ON_ONE_WORKER.get(name, name)

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture
def schedule() -> dict:
    """Return the config section `training`: one epoch, batches of 2, plain SGD."""
    return dict(SCHEDULE)


@pytest.fixture
def write_split(tmp_path):
    """Return a function that writes photos and true masks as PNGs and returns the path of their manifest.

    `own_truths` has the true masks at their photos' own sizes, of photos that were reduced.
    """

    def write(
        name: str,
        images: dict[str, tuple[np.ndarray, str, np.ndarray | None]],
        folder: Path = tmp_path,
        *,
        own_truths: Mapping[str, np.ndarray] | None = None,
    ) -> Path:
        rows = []
        for image_id, (photo, tags, mask) in images.items():
            image = folder / "photos" / f"{image_id}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(image)
            truth = folder / "truths" / f"{image_id}.png"
            if mask is not None:
                write_mask(truth, mask)
            path = "" if mask is None else str(truth)
            own_path, own_size = path, photo.shape[:2]
            if own_truths and image_id in own_truths:
                own_path, own_size = str(folder / "own_truths" / f"{image_id}.png"), own_truths[image_id].shape
                write_mask(Path(own_path), own_truths[image_id])
            digest = photo_digest(image, Path(own_path) if own_path else None)
            rows.append((image_id, str(image), tags, path, *photo.shape[:2], own_path, *own_size, digest))
        csv = folder / f"{name}.csv"
        write_manifest(pd.DataFrame(rows, columns=list(COLUMNS)), csv)
        return csv

    return write


@pytest.fixture
def noise():
    """Return a function that makes a photo of random pixels, uint8 (height, width, 3)."""
    return lambda seed, height, width: np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
