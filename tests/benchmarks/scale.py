"""Time and memory of what grows with the number of images, before any network: 10,582, 100,000 and 1,000,000 images.

python -m tests.benchmarks.scale      (minutes and 3 GB of disk below build/, removed at the end)

First the workflow. A copy of the project gets a made-up folder of photos (`tags.csv` alone; nothing opens a photo), the
tables that its data stage would write, and `snakemake data --touch --forceall`, which marks that stage as done. Then
three starts are measured: the dry run of everything that is left; after files have been put in the place of all
outputs, tables with as many rows as real ones, and marked as done likewise, a run with nothing to do; and the same with
a touched manifest, which has to be hashed. HDF5 files and pictures are stand-ins of a few bytes.

Then the library, every row in a process of its own: seconds, and memory on top of what was there before.
Seconds are of the CPU, so that other work on the machine changes them little.
"""

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch.utils.data import DataLoader, Dataset

from mdc.data.manifest import COLUMNS, read_manifest, tag_matrix, write_manifest
from mdc.runtime.parallel import loader_workers
from mdc.storage.image_tables import paths_of, write_table
from mdc.storage.shards import shard_of
from mdc.training.datasets import TrainingViews, batches
from mdc.training.engine import resume_path
from tests.workflow.conftest import copy_project

CLASSES = [f"class{index:02d}" for index in range(20)]
SIZES = (10_582, 100_000, 1_000_000)
VAL, SHARDS = 1_000, 32
RUN = "results/scale"
WORKERS = 4
SETTINGS = ["run=scale", "device=cpu", f"shards={SHARDS}", "data={root: photos, tags_csv: photos/tags.csv}"]
# The peak of a process counts its parent's memory at the fork, so what is measured gets a small parent.
SMALL_PARENT = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
sys.exit(status)
"""
OUTPUT = re.compile(r"^    output: (.+)$", flags=re.M)


def manifest(images: int, prefix: str) -> pd.DataFrame:
    """Return a made-up manifest: one to three tags, ids and paths of usual lengths, all photos 375 x 500."""
    rng = np.random.default_rng(0)
    ids = [f"{prefix}{index // 1000:04d}/{index:07d}" for index in range(images)]
    tagged = np.sort(rng.integers(0, len(CLASSES), (images, 3)), axis=1)
    counts = rng.integers(1, 4, images)
    columns = {
        "id": ids,
        "image": [f"photos/{image_id}.jpg" for image_id in ids],
        "tags": [
            ";".join(CLASSES[index] for index in dict.fromkeys(row[:count]))
            for row, count in zip(tagged.tolist(), counts.tolist(), strict=True)
        ],
        "mask": "",
        "height": 375,
        "width": 500,
        "own_mask": "",
        "own_height": 375,
        "own_width": 500,
        "digest": [f"{value:016x}" for value in rng.integers(0, 2**63, images).tolist()],
    }
    return pd.DataFrame(columns)[list(COLUMNS)]


def pictures(ids: Sequence[str], folder: str) -> pd.DataFrame:
    """Return the table of pictures that a stage would write for `ids`."""
    return pd.DataFrame({"id": ids, "path": [f"{folder}/{i}.png" for i in ids], "digest": "0123456789abcdef"})


def measured(command: Sequence[str], folder: Path) -> tuple[float, float, str]:
    """Return CPU seconds, peak memory in MB and the output of a command; exits with its output where it fails."""
    done = subprocess.run([sys.executable, "-c", SMALL_PARENT, *command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    seconds, megabytes = map(float, done.stderr.splitlines()[-1].split())
    return seconds, megabytes, done.stdout + done.stderr


def snakemake(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Call Snakemake in the folder and return what `measured` does."""
    overlays = ["--configfile", "config/own.yaml", "--config", *SETTINGS]
    return measured([sys.executable, "-m", "snakemake", *arguments, "--cores", "1", *overlays], folder)


def finish_data(folder: Path, images: int) -> None:
    """Put the input and the tables of the data stage into a copy of the project, and mark the stage as done."""
    tables = {"train": manifest(images, "t"), "val": manifest(VAL, "v"), "test": manifest(0, "x")}
    (folder / "photos").mkdir()
    listed = pd.concat([tables["train"], tables["val"]])[["image", "tags"]]
    listed.assign(image=listed["image"].str.removeprefix("photos/")).to_csv(folder / "photos/tags.csv", index=False)
    (folder / "photos/classes.txt").write_text("\n".join(CLASSES) + "\n")
    for split, table in tables.items():
        write_manifest(table, folder / RUN / f"data/{split}.csv")
    (folder / RUN / "data/classes.txt").write_text("\n".join(CLASSES) + "\n")
    (folder / RUN / "data/tag_differences.csv").write_text("id,split,tagged_only,masked_only\n")
    snakemake(folder, "data", "--touch", "--forceall")


def put_outputs(folder: Path, planned: str, images: int) -> None:
    """Put files in the place of all outputs of a dry run, tables of training images with their rows."""
    ids = list(manifest(images, "t")["id"])
    whole = pictures(ids, "masks").to_csv(index=False).encode()
    shard = pictures(ids[: images // SHARDS], "saliency").to_csv(index=False).encode()
    for path in (folder / name for line in OUTPUT.findall(planned) for name in line.split(", ")):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_table = path.suffix == ".csv" and "train" in path.name
        path.write_bytes((shard if "-of-" in path.name else whole) if is_table else b"stands for an output\n")


def workflow_rows(folder: Path, images: int) -> dict[str, str]:
    """Return what starting the workflow takes with a run of so many images."""
    copy_project(folder)
    finish_data(folder, images)
    rows = {"train.csv, MB": f"{(folder / RUN / 'data/train.csv').stat().st_size / 1e6:.0f}"}
    seconds, peak, planned = snakemake(folder, "--dry-run")
    rows["jobs left after the data stage"] = re.search(r"^total +(\d+)$", planned, flags=re.M)[1]
    rows["dry run of them"] = shown(seconds, peak)
    put_outputs(folder, planned, images)
    snakemake(folder, "--touch", "--forceall")
    seconds, peak, said = snakemake(folder)
    assert "Nothing to be done" in said, said
    rows["nothing to do"] = shown(seconds, peak)
    os.utime(folder / RUN / "data/train.csv")
    seconds, peak, said = snakemake(folder)
    assert "Nothing to be done" in said, said
    rows["nothing to do, train.csv touched"] = shown(seconds, peak)
    return rows


def shown(seconds: float, megabytes: float) -> str:
    return f"{seconds:.2f} s, {megabytes:.0f} MB"


def memory_mb(name: str) -> float:
    """Return a size of this process in MB: VmRSS, what it has, or VmHWM, its peak."""
    return int(re.search(rf"^{name}:\s+(\d+)", Path("/proc/self/status").read_text(), flags=re.M)[1]) / 1024


def private_mb() -> float:
    """Return the memory in MB that this process shares with no other."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


class LookUps(Dataset):
    """What a worker of `TrainingViews` looks up of every image, without opening it."""

    def __init__(self, views: TrainingViews) -> None:
        self.views = views
        self.before = 0.0

    def __getitem__(self, key: tuple[int, int]) -> None:
        self.before = self.before or private_mb()
        views, index = self.views, key[1]
        assert views.ids[index] and views.images[index] and views.tags[index].any()

    def grown(self, _: list) -> tuple[int, float]:
        """Return the worker and by how much memory of its own it has grown, in MB."""
        return os.getpid(), private_mb() - self.before


def views_of(table: pd.DataFrame) -> TrainingViews:
    """Return the training views of a manifest; none is opened."""
    return TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, CLASSES),
        masks=None,
        seed=0,
        crop_px=321,
        resize_long_side_px=[],
        flip=True,
        fill=(0, 0, 0),
    )


def epoch_keys(images: int, batch_size: int = 30) -> list[list[tuple[int, int]]]:
    """Return the keys of one epoch as `mdc.training.engine.fit` holds them."""
    return list(batches(images=images, batch_size=batch_size, micro_batches=1, seed=0, epoch=0))


def grown_workers(table: pd.DataFrame) -> str:
    """Return by how much the memory of each worker process grows in an epoch in which it looks every image up."""
    look_ups = LookUps(views_of(table))
    keys = epoch_keys(len(table), batch_size=1000)
    loader = DataLoader(look_ups, batch_sampler=keys, collate_fn=look_ups.grown, **loader_workers(WORKERS))
    grown = dict(iter(loader))  # the last of each worker
    return f"{max(grown.values()):.0f} MB each"


def timed(prepare: Callable[[Path], object], measure: Callable[[object], object]) -> Callable[[Path], str]:
    """Return what tells CPU seconds of `measure(prepare(train_csv))` and the memory that it added, at its peak."""

    def run(train_csv: Path) -> str:
        prepared = prepare(train_csv)
        ctypes.CDLL(None).malloc_trim(0)  # what has been freed must not hide what is taken
        before = memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        begin = time.process_time()
        result = measure(prepared)
        seconds = time.process_time() - begin
        del result
        return shown(seconds, memory_mb("VmHWM") - before)

    return run


def ids_and_table(train_csv: Path) -> tuple[list[str], Path]:
    """Write a table of pictures of all images; return their ids and its path."""
    ids, path = list(read_manifest(train_csv)["id"]), train_csv.with_name("pictures.csv")
    write_table(pictures(ids, "masks/mdc/seed0/fusion/train"), path)
    return ids, path


LIBRARY: dict[str, Callable[[Path], str]] = {
    "read_manifest": timed(lambda csv: csv, read_manifest),
    "one of 32 shards of it": timed(lambda csv: csv, lambda csv: shard_of(read_manifest(csv), 7, SHARDS)),
    "tag_matrix": timed(read_manifest, lambda table: tag_matrix(table, CLASSES)),
    "digest of the manifest, for resuming": timed(
        lambda csv: csv, lambda csv: resume_path(csv.parent, settings={}, inputs=[csv])
    ),
    "write_table": timed(
        lambda csv: pictures(list(read_manifest(csv)["id"]), "masks"),
        lambda table: write_table(table, Path("build/scale/written.csv")),
    ),
    "paths_of, from one table": timed(ids_and_table, lambda pair: paths_of(pair[0], [pair[1]])),
    "TrainingViews": timed(read_manifest, views_of),
    "keys of an epoch": timed(lambda csv: len(read_manifest(csv)), epoch_keys),
    f"growth of {WORKERS} DataLoader workers": lambda csv: grown_workers(read_manifest(csv)),
}


def library_rows(train_csv: Path) -> dict[str, str]:
    """Return what the library takes with a manifest, every row from a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--manifest", str(train_csv), "--row"]
    return {name: measured([*command, name], Path.cwd())[2].splitlines()[0] for name in LIBRARY}


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of what grows with the number of images.")
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--row", choices=LIBRARY, help="measure this alone, of --manifest")
    parser.add_argument("--manifest", type=Path)
    given = parser.parse_args()
    if given.row:
        print(LIBRARY[given.row](given.manifest))
        return
    columns = {}
    for images in given.images:
        folder = Path("build/scale").resolve() / str(images)
        shutil.rmtree(folder, ignore_errors=True)
        columns[f"{images:,}"] = workflow_rows(folder, images) | library_rows(folder / RUN / "data/train.csv")
        shutil.rmtree(folder)
        print(pd.DataFrame(columns).to_string(), flush=True)
    names = ["images", *columns]
    print("\n" + " | ".join(["", *names, ""]).strip())
    print("|" + "---|" * len(names))
    for row in next(iter(columns.values())):
        print("| " + " | ".join([row, *(column[row] for column in columns.values())]) + " |")


if __name__ == "__main__":
    main()
