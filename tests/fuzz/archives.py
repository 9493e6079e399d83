"""Archives and SBD's MATLAB files, beside what tarfile reads at random places and SciPy."""

import io
import tarfile
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mdc.data.mask_files import read_mask
from mdc.data.sbd import convert_sbd
from mdc.downloads.archives import RECORD, unpack
from mdc.storage.image_tables import paths_of
from tests.fuzz.checksums import with_checksums
from tests.fuzz.formats.mat import MAT
from tests.fuzz.formats.tar import TAR
from tests.fuzz.kind import Kind, Mutant

DATASET = "benchmark_RELEASE/dataset"
MEMBERS = [f"{DATASET}/{part}" for part in ("train.txt", "val.txt", "cls/*.mat")]


def _unpacked(data: bytes, folder: Path, *, suffix: str) -> dict[str, bytes]:
    """Unpack an archive; return all files by their paths from one folder above."""
    archive = folder / f"archive{suffix}"
    archive.write_bytes(data)
    unpack(archive, folder / "data/sbd", members=MEMBERS, unpacked_mb=1, is_known=False)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path != archive and not path.is_dir()}
    assert not any(path.is_symlink() for path in files.values())
    return {name: path.read_bytes() for name, path in files.items() if path.name != RECORD and ".lock" not in name}


def _judge_archive(mutant: Mutant, found: dict[str, bytes]) -> str:
    strays = [name for name in found if not name.startswith(f"data/sbd/{DATASET}/")]
    if strays:
        return f"files outside of the folder: {strays}"
    expected = {}
    with tarfile.open(fileobj=io.BytesIO(mutant.data)) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if member.isfile() and (
                name in MEMBERS[:2] or (name.startswith(MEMBERS[2][:-5]) and name.endswith(".mat"))
            ):
                expected["data/sbd/" + "/".join(part for part in name.split("/") if part)] = tar.extractfile(
                    member
                ).read()
    missing, more = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or more:
        return f"missing {sorted(missing)}, more {sorted(more)}"
    other = [name for name in found if found[name] != expected[name]]
    return f"other content of {other}" if other else ""


def _tgz(data: bytes, folder: Path) -> dict[str, bytes]:
    return _unpacked(data, folder, suffix=".tgz")


def _sbd(data: bytes, folder: Path) -> np.ndarray:
    (folder / "sbd/cls").mkdir(parents=True)
    (folder / "sbd/cls/mutant.mat").write_bytes(data)
    (folder / "sbd/train.txt").write_text("mutant\n")
    (folder / "sbd/val.txt").write_text("")
    convert_sbd(folder / "sbd", folder=folder / "masks", table_csv=folder / "masks.csv", processes=1)
    return read_mask(Path(*paths_of(["mutant"], [folder / "masks.csv"])))


def _read_sbd(mutant: Mutant, found: np.ndarray) -> str:
    stored = np.asarray(loadmat(io.BytesIO(mutant.data))["GTcls"]["Segmentation"].item())
    if found.max() > 20 or not np.array_equal(found, stored):
        return "other indices than the file stores"
    return "" if stored.dtype.kind in "uif" else f"{stored.dtype} taken for class indices"


KINDS = (
    Kind(
        name="tar",
        names=r"archive\.tar",
        suffix=".tar",
        originals=("sbd.tar",),
        mutators=TAR,
        consume=lambda data, folder: _unpacked(data, folder, suffix=".tar"),
        judge=_judge_archive,  # plain tar has checksums of its headers alone
    ),
    with_checksums("tgz", r"archive\.tgz", "sbd.tgz", TAR, _tgz, _judge_archive),
    with_checksums("mat", r"mutant\.mat", "mask.mat", MAT, _sbd, _read_sbd),
)
