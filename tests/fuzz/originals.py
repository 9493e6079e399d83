"""The files that are mutated: a small run made by the stages' own functions, and what people bring along."""

import json
import shutil
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import torch
from PIL import Image

from mdc.cams.dump import dump_cams
from mdc.classifier import train_classifier
from mdc.data.manifest import write_manifests
from mdc.data.synthetic.dataset import write_dataset
from mdc.data.voc_layout import link_voc_layout
from mdc.masks.fused import fuse_masks
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.saliency.external import maps_of_images
from mdc.segmenter.train import train_segmenter
from mdc.storage.hdf5_checks import plain
from mdc.storage.image_tables import write_table
from mdc.training.engine import KeepLastEpoch
from tests.conftest import SCHEDULE, SLIM_ENCODER
from tests.voc_archives import annotation, gtcls, mask_of, sbd_files, vgg16_state, write_tar

PROJECT = Path(__file__).parents[2]
RUN = Path("originals/run")
SIDE_PX, CROP_PX, DILATIONS = 64, 41, (1, 3)
CLASSIFIER = {"dilations": DILATIONS, "block_width": 8, "block_norm": "none", "head": "per_block"}
SEGMENTER = {"fc_width": 8, "fc6_dilation": 2, "fc_norm": "none", "dropout": 0.5, "max_side_px": SIDE_PX}
RECIPE = {
    "threshold": 0.3,
    "relative_to": "max",
    "background_saliency_below": 0.06,
    "background_below": 0,
    "background_conflict": "ignore",
    "class_conflict": "ignore",
}
AUGMENTATION = {"crop_px": CROP_PX, "resize_long_side_px": [], "flip": True}
TWO_EPOCHS = SCHEDULE | {"epochs": 2}


class StoppedError(Exception):
    """The power is gone."""


def fuse(cams_h5: Path, saliency_csv: Path, masks_csv: Path) -> None:
    """Make pseudo masks of one shard by `RECIPE`, with the stage's own function."""
    fuse_masks(
        split_csv=RUN / "data/train.csv",
        cams_h5=cams_h5,
        saliency_csv=saliency_csv,
        masks_csv=masks_csv,
        folder=masks_csv.with_suffix(""),
        maps="fusion",
        recipe=RECIPE,
        sweep_csv=None,
        processes=1,
    )


def classes_of_run() -> list[str]:
    """Return the classes of the run."""
    return (RUN / "data/classes.txt").read_text().split()


def segmenter_arguments(run: Path, weights_pt: Path) -> dict:
    """Return the arguments with which the segmenter of the run `run` is trained."""
    return {
        "train_csv": run / "data/train.csv",
        "val_csv": run / "data/val.csv",
        "masks_csv": run / "masks/train.csv",
        "strong_csv": None,
        "classifier_pt": None,
        "weights_pt": weights_pt,
        "description": SegmenterDescription(classes=classes_of_run(), encoder=SLIM_ENCODER, **SEGMENTER),
        "init": "random",
        "weights": "",
        "augmentation": AUGMENTATION,
        "loss_resolution": "network",
        "online_term": True,
        "online_warmup_epochs": 0,
        "strong_share": 0,
        "training": TWO_EPOCHS,
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "code": "",
    }


def make_originals(folder: Path) -> None:
    """Write all originals below `folder`, which must not exist; the same bytes wherever `folder` is relative to."""
    folder.mkdir(parents=True)
    _run(folder / "run")
    _photos(folder)
    _others(folder)


def _run(run: Path) -> None:
    """Write a run of 3 training images and 1 to validate through all stages, and a training that was stopped."""
    write_dataset(run / "synthetic", images={"train": 3, "val": 1}, side_px=SIDE_PX, body_cue=0.5, seed=0, processes=1)
    splits = link_voc_layout(
        run / "synthetic",
        classes=[],
        plain_folder=run / "data",
        max_side_px=SIDE_PX,
        val_share=0.5,
        seed=0,
        processes=1,
    )
    write_manifests(splits.tables, splits.classes, splits.tag_differences, folder=run / "data")
    for split, table in splits.tables.items():
        maps = maps_of_images(
            table, external_folder=run / "none", by_rbd=True, computed_folder=run / "saliency" / split, processes=1
        )
        write_table(maps, run / "saliency" / f"{split}.csv")
    common = {"device": "cpu", "threads": 1}
    train_classifier(
        train_csv=run / "data/train.csv",
        val_csv=run / "data/val.csv",
        weights_pt=run / "classifier/weights.pt",
        description=ClassifierDescription(classes=splits.classes, encoder=SLIM_ENCODER, **CLASSIFIER),
        init="random",
        weights="",
        augmentation=AUGMENTATION,
        training=SCHEDULE,
        seed=0,
        code="",
        **common,
    )
    dump_cams(
        split_csv=run / "data/train.csv",
        weights_pt=run / "classifier/weights.pt",
        cams_h5=run / "cams/train.h5",
        settings={"scales": [1], "flip": False},
        shard=0,
        shards=1,
        **common,
    )
    fuse(run / "cams/train.h5", run / "saliency/train.csv", run / "masks/train.csv")
    train_segmenter(**segmenter_arguments(run, run / "segmenter/weights.pt"))
    _stopped_training(run)
    (resume,) = (run / "stopped").glob("resume-*.ckpt")
    shutil.copy(resume, run.parent / "resume.ckpt")


def _stopped_training(run: Path) -> None:
    """Leave the resume file of the segmenter's first epoch in `run`/stopped."""
    keep = KeepLastEpoch.on_train_epoch_end

    def keep_and_stop(self, trainer, task):
        keep(self, trainer, task)
        raise StoppedError

    with mock.patch.object(KeepLastEpoch, "on_train_epoch_end", keep_and_stop):
        try:
            train_segmenter(**segmenter_arguments(run, run / "stopped/weights.pt"))
        except StoppedError:
            return
    raise AssertionError("the training was not stopped")


def _photos(folder: Path) -> None:
    """Write photos of several kinds, masks of several bit depths and a saliency map, of the run's first scene."""
    scene = Image.open(folder / "run/synthetic/JPEGImages/train_000000.jpg")
    mask = Image.open(folder / "run/synthetic/SegmentationClass/train_000000.png")
    turned = Image.Exif()
    turned[274] = 6
    few = Image.fromarray(np.asarray(mask) % 5)
    few.putpalette(list(range(48)))
    pictures = {
        "photos/scene.jpg": (scene, {}),
        "photos/turned.jpg": (scene.crop((0, 0, 64, 40)), {"exif": turned, "quality": 80}),
        "photos/progressive.jpg": (scene, {"progressive": True}),
        "photos/large.jpg": (scene.resize((150, 150)), {}),
        "photos/palette.png": (scene.convert("P", palette=Image.Palette.ADAPTIVE), {}),
        "photos/grey.png": (scene.convert("L"), {}),
        "masks/mask.png": (mask, {}),
        "masks/grey.png": (Image.fromarray(np.asarray(mask)), {}),
        "masks/four_bits.png": (few, {"bits": 4}),
        "saliency/grey.png": (scene.convert("L"), {}),
    }
    for name, (picture, options) in pictures.items():
        (folder / name).parent.mkdir(exist_ok=True)
        picture.save(folder / name, **options)


def _others(folder: Path) -> None:
    texts = folder / "texts"
    texts.mkdir()
    (texts / "2007_000032.xml").write_bytes(annotation("2007_000032"))
    (texts / "tags.csv").write_text(
        "image,tags,split,mask\na/one.jpg,cat,train,masks/one.png\na/two.png,cat;dog,val,\n"
        '"three",,train,"masks/three.png"\nfour.jpg, dog ,test,\n'
    )
    external_maps(folder / "run/cams/train.h5", folder / "external_maps.h5")
    mask = mask_of("2007_000032", ("aeroplane", "person"), border=0)
    with mock.patch("time.time", lambda: 0.0), mock.patch("time.asctime", lambda: "now"):  # headers have the time
        (folder / "mask.mat").write_bytes(gtcls(mask))
        sbd = {name: content for name, content in sbd_files().items() if "/inst/" not in name}
        write_tar(folder / "sbd.tgz", sbd, mode="w:gz")
    torch.save({k: v for k, v in vgg16_state().items() if k.startswith("features")}, folder / "vgg16.pth")
    for name in ("demo", "own"):
        shutil.copy(PROJECT / f"config/{name}.yaml", folder)


def external_maps(cams_h5: Path, path: Path) -> None:
    """Write maps as another method's author would: with plain h5py and the least that the README asks for."""
    with h5py.File(cams_h5) as source, h5py.File(path, "w") as file:
        classes = plain(source.attrs["classes"])
        file.attrs.update({"format": "mdc-cams", "version": 1, "stride": 8, "classes": classes})
        file.attrs["dilations"] = list(DILATIONS)
        file.attrs["config"] = json.dumps({})
        for name, group in source.items():
            copy = file.create_group(name)
            copy.attrs.update({key: plain(value) for key, value in group.attrs.items()})
            for part, compression in (("maps", "gzip"), ("class_ids", None), ("logits", None)):
                copy.create_dataset(part, data=group[part][:], compression=compression)
