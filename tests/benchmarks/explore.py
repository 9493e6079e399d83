"""Time and memory of the explorer on a run of 10,582 images of 500 x 375 pixels with true masks, as VOC's.

python -m tests.benchmarks.explore      (2 GB of disk below build/, removed at the end)

The run is made up: every id has files of its own, which are links to the same few photos and masks. Requests go to the
application in this process, one after the other. CPU seconds, so that other work on the machine changes them little.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the command `python -m mdc` sets it, before numpy is imported

import multiprocessing
import resource
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import yaml
from werkzeug.test import Client, TestResponse

from mdc.cams.files import create_cams
from mdc.config.config import Config
from mdc.data.manifest import tag_indices, write_manifest
from mdc.data.mask_files import write_mask
from mdc.explore.answers import PER_PAGE
from mdc.explore.app import Explorer
from mdc.explore.command import found_runs
from mdc.saliency.maps import write_saliency_map
from mdc.scores.compare import score_masks
from mdc.storage.image_tables import png_path, write_table
from tests.benchmarks.crf import example
from tests.benchmarks.per_image import INFO, cams
from tests.benchmarks.scale import CLASSES, manifest

IMAGES, DISTINCT, STEPS = 10_582, 40, 50
NETWORK, FUSION = "mdc/seed0", "masks/mdc/seed0/fusion"


def make_run(folder: Path) -> None:
    """Write the run."""
    rng = np.random.default_rng(0)
    originals = folder.parent / "originals"
    originals.mkdir(parents=True)
    for index in range(DISTINCT):
        photo, probabilities = example(rng)
        noisy = np.clip(photo + rng.normal(0, 12, photo.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(originals / f"photo{index}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])
        labels = probabilities[:3].argmax(0).astype(np.uint8)
        write_mask(originals / f"truth{index}.png", labels)
        labels[probabilities[:3].max(0) < 0.5] = 255
        write_mask(originals / f"mask{index}.png", labels)
        write_saliency_map(originals / f"saliency{index}.png", probabilities[1])
    table = manifest(IMAGES, "")
    ids = list(table["id"])
    places = {
        "photo": folder / "data/images",
        "truth": folder / "data/masks",
        "mask": folder / FUSION / "train",
        "saliency": folder / "saliency/rbd/train",
    }
    paths = {kind: _linked(originals, kind, place, ids) for kind, place in places.items()}
    write_manifest(
        table.assign(image=paths["photo"], mask=paths["truth"], own_mask=paths["truth"]), folder / "data/train.csv"
    )
    (folder / "data/classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    for kind, path in (("mask", folder / FUSION / "train.csv"), ("saliency", folder / "saliency/rbd/train.csv")):
        write_table(list(zip(ids, paths[kind], IMAGES * ["0123456789abcdef"], strict=True)), path)
    info = replace(INFO, classes=CLASSES)
    with create_cams(folder / f"cams/{NETWORK}/main/train.h5", info, config={}) as writer:
        for image_id, tags in zip(ids, table["tags"], strict=True):
            indices = np.array(tag_indices(tags, CLASSES))
            writer.add(replace(cams(rng, image_id, len(indices)), class_ids=indices).item())
    config = Config.model_validate({"run": folder.name, "classifier": {"networks": {"mdc": INFO.dilations}}})
    (folder / "config.yaml").write_text(yaml.safe_dump(config.model_dump(exclude_none=True)))
    scores = folder / f"scores/{NETWORK}/train/pseudo-fusion"
    score_masks(
        split_csv=folder / "data/train.csv",
        masks_csv=folder / FUSION / "train.csv",
        **{f"{kind}_csv": scores.with_name(f"pseudo-fusion.{kind}.csv") for kind in ("confusion", "images", "pixels")},
        classes=CLASSES,
        processes=os.cpu_count() or 1,
    )


def _linked(originals: Path, kind: str, folder: Path, ids: Sequence[str]) -> list[str]:
    ending = ".jpg" if kind == "photo" else ".png"
    paths = [png_path(folder, image_id).with_suffix(ending) for image_id in ids]
    for index, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(originals / f"{kind}{index % DISTINCT}{ending}", path)
    return list(map(str, paths))


def timed(what: str, work: Callable[[], object], *, rounds: int = 1) -> None:
    """Print the CPU milliseconds that `work` takes: of one round, or the median and the longest of several."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - start))
    print(f"{what}: {median(taken):.0f} ms" + (f", at most {max(taken):.0f} ms" if rounds > 1 else ""), flush=True)


def main() -> None:
    folder = Path("build/explore/results/big").absolute()
    shutil.rmtree(folder.parents[1], ignore_errors=True)
    try:
        making = multiprocessing.get_context("spawn").Process(target=make_run, args=(folder,))  # with memory of its own
        making.start()
        making.join()
        assert making.exitcode == 0
        measure(folder)
    finally:
        shutil.rmtree(folder.parents[1])


def measure(folder: Path) -> None:
    """Print what the explorer takes."""
    client = Client(Explorer(found_runs([folder])))
    begun_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def ask(path: str, **query: object) -> TestResponse:
        query = {"split": "train", "result": FUSION} | query
        response = client.get(path, query_string=query, headers={"Host": "localhost"})
        assert response.status_code == 200, response.text
        return response

    timed("first answer: what the run has", lambda: ask("/api/run"))
    timed("first page of the grid", lambda: ask("/api/images"))
    timed("another page", lambda: ask("/api/images", page=100), rounds=9)
    timed("a search", lambda: ask("/api/images", search="77"), rounds=9)
    timed("images of one class, worst IoU first", lambda: ask("/api/images", tags=CLASSES[0], sort="iou"), rounds=9)
    shown = [image["id"] for image in ask("/api/images", page=9).json["images"]]
    assert len(shown) == PER_PAGE
    for what in ("thumbnails of a page", "the same again"):
        timed(what, lambda: [ask(path, id=one) for one in shown for path in ("/photo_small", "/mask_small")])

    def sorted_at_last() -> None:
        while ask("/api/images", sort="ignored").json["pending"]:
            time.sleep(1)

    timed("all images by ignored pixels, measured in the background", sorted_at_last)

    one = ask("/api/images", page=50).json["images"][0]["id"]
    timed("an image: what there is of it", lambda: ask("/api/image", id=one))
    index = ask("/api/image", id=one).json["tags"][0]["index"]
    layers = [("/photo", {}), ("/mask", {}), ("/mask", {"result": "truth"}), ("/saliency", {"source": "rbd"})]
    names = [*INFO.blocks, "fusion"]
    layers += [("/map", {"cams": f"cams/{NETWORK}/main", "map": name, "class": index}) for name in names]
    timed("its photo, masks, saliency and 5 maps", lambda: [ask(path, id=one, **given) for path, given in layers])
    ask("/api/what_if", id=one)
    thresholds = iter(np.linspace(0.1, 0.9, STEPS))
    timed("a step of the threshold", lambda: ask("/api/what_if", id=one, threshold=next(thresholds)), rounds=STEPS)
    weights = iter(np.linspace(0.1, 2, STEPS))
    timed("a step of a weight", lambda: ask("/api/what_if", id=one, weights=f"1,1,1,{next(weights)}"), rounds=STEPS)
    timed("200 images with other settings", lambda: ask("/api/sample", threshold=0.4, images=200).data)
    used_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - begun_mb
    print(f"memory beyond that of the start: {used_mb:.0f} MB")


if __name__ == "__main__":
    main()
