"""A run of three photos, 9 x 9 pixels, whose masks and scores can be worked out by hand.

Features sit on the pixels 0 and 8 of a side. Of `a/1`, tagged cat, the map of d1 falls from 1 at the left border to 0
at the right one, `1 - x / 8`; that of d3 is 0, so the fused map is that of d1. Saliency is 1 in the columns 0 to 4 and
0 beyond. With the threshold 0.3 the columns 0 to 5 are cat (x < 5.6) and 5 to 8 background: column 5 is ignored. The
true mask has cat in the columns 0 to 3.

`b` is tagged dog, its maps are those of `a/1` mirrored, and it has no true mask. `c` has no tags: all background.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from mdc.cams.files import LAYOUT, Cams, CamsInfo, create_cams
from mdc.config.config import Config
from mdc.config.experiments import Experiment
from mdc.config.parameters import recipe
from mdc.data.manifest import COLUMNS, write_manifest
from mdc.data.mask_files import write_mask
from mdc.masks.certainty import estimate_certainty
from mdc.masks.fused import fuse_masks
from mdc.networks.grid import Grid
from mdc.predictions.files import Scores, add_scores, create_scores
from mdc.saliency.maps import write_saliency_map
from mdc.scores.compare import score_masks
from mdc.storage.hdf5 import link_shards
from mdc.storage.image_tables import write_table

CLASSES = ["cat", "dog"]
SIDE = 9
FALLING = [[4.0, -2.0], [4.0, -2.0]]  # rectified: 1 at the left, 0 at the right
CONFIG = {"run": "made", "device": "cpu", "classifier": {"networks": {"mdc": [1, 3]}}}
LOGITS = np.zeros((2, 2))  # probabilities are 1/2
RUN = Path("results/made")
NETWORK = "mdc/seed0"


def columns(*labels: int) -> np.ndarray:
    """Return an image whose columns have these labels."""
    return np.tile(np.array(labels, np.uint8), (SIDE, 1))


TRUTH = columns(1, 1, 1, 1, 0, 0, 0, 0, 0)


def make_run() -> None:
    """Write the run below the current folder."""
    _write_data()
    _write_maps()
    config = Config.model_validate(CONFIG)
    for maps in ("fusion", "d1"):
        fuse(maps, recipe(config, Experiment.of_masks(maps)))
    _write_predictions()
    (RUN / "config.yaml").write_text(yaml.safe_dump(config.model_dump(exclude_none=True)))


def fuse(maps: str, keys: dict) -> None:
    """Write the pseudo masks of a map setting, and their scores."""
    folder = RUN / f"masks/{NETWORK}/{maps}"
    fuse_masks(
        split_csv=RUN / "data/train.csv",
        cams_h5=RUN / f"cams/{NETWORK}/main/train.h5",
        saliency_csv=RUN / "saliency/rbd/train.csv",
        masks_csv=folder / "train.csv",
        folder=folder / "train",
        maps=maps,
        recipe=keys,
        sweep_csv=None,
        processes=1,
    )
    score(f"masks/{NETWORK}/{maps}", f"pseudo-{maps}")
    estimate_certainty(
        split_csv=RUN / "data/train.csv",
        cams_h5=[RUN / f"cams/{NETWORK}/main/train.h5"],
        saliency_csv=RUN / "saliency/rbd/train.csv",
        masks_csv=folder / "train.csv",
        certainty_csv=folder / "certainty.csv",
        name=maps,
        maps=maps,
        processes=1,
    )


def score(key: str, name: str) -> None:
    """Write the scores of the masks at a key."""
    begin = RUN / f"scores/{NETWORK}/train"
    score_masks(
        split_csv=RUN / "data/train.csv",
        masks_csv=RUN / key / "train.csv",
        confusion_csv=begin / f"{name}.confusion.csv",
        images_csv=begin / f"{name}.images.csv",
        pixels_csv=begin / f"{name}.pixels.csv",
        classes=CLASSES,
        processes=1,
    )


def _write_data() -> None:
    rows = []
    for image_id, tags in (("a/1", "cat"), ("b", "dog"), ("c", "")):
        photo = RUN / f"data/images/{image_id}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((SIDE, SIDE, 3), 100, np.uint8)).save(photo)
        truth = RUN / f"data/masks/{image_id}.png"
        if image_id != "b":
            write_mask(truth, TRUTH if tags else columns(*SIDE * [0]))
        path = "" if image_id == "b" else str(truth)
        rows.append((image_id, str(photo), tags, path, SIDE, SIDE, path, SIDE, SIDE, "0123456789abcdef"))
    write_manifest(pd.DataFrame(rows, columns=list(COLUMNS)), RUN / "data/train.csv")
    (RUN / "data/classes.txt").write_text("cat\ndog\n")


def _write_maps() -> None:
    info = CamsInfo(grid=Grid(8), dilations=[1, 3], classes=CLASSES, weights_hash="")
    shard = RUN / f"cams/{NETWORK}/main/train.0-of-1.h5"
    falling, none = np.array(FALLING), np.zeros((2, 2))
    maps = {"a/1": [[falling], [none]], "b": [[falling[:, ::-1]], [none]], "c": np.zeros((2, 0, 2, 2))}
    class_ids = {"a/1": [1], "b": [2], "c": []}
    with create_cams(shard, info, config={}) as writer:
        for image_id, its_maps in maps.items():
            ids = np.array(class_ids[image_id], np.uint8)
            writer.add(Cams(image_id, np.array(its_maps), ids, LOGITS, SIDE, SIDE).item())
    link_shards([shard], shard.with_name("train.h5"), LAYOUT)
    rows = []
    for image_id in maps:
        path = RUN / f"saliency/rbd/train/{image_id}.png"
        write_saliency_map(path, columns(1, 1, 1, 1, 1, 0, 0, 0, 0))
        rows.append((image_id, str(path), "0123456789abcdef"))
    write_table(rows, RUN / "saliency/rbd/train.csv")


def _write_predictions() -> None:
    """Write a segmenter's predictions: cat everywhere, with the probability 3/4."""
    folder = RUN / f"predictions/{NETWORK}/weak-fusion"
    scores = np.zeros((3, 2, 2))
    scores[1] = np.log(6)  # beside twice exp(0)
    grid = Grid(8)
    with create_scores(
        folder / "train.0-of-1.h5", grid=grid, classes=["background", *CLASSES], weights_hash="", config={}
    ) as writer:
        for image_id in ("a/1", "b", "c"):
            add_scores(writer, Scores(image_id, scores, SIDE, SIDE))
    rows = []
    for image_id in ("a/1", "b", "c"):
        path = folder / f"train/{image_id}.png"
        write_mask(path, columns(*SIDE * [1]))
        rows.append((image_id, str(path), "0123456789abcdef"))
    write_table(rows, folder / "train.0-of-1.csv")
