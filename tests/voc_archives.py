"""VOC 2012, SBD and VGG16's weights in miniature: archives and files in exactly the formats of the real ones."""

import io
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix
from torchvision.models.vgg import cfgs, make_layers

from mdc.data.labels import CLASSES, PALETTE

# Which lists an image is in, its tags, and the classes that the masks of VOC and SBD show, in rows from top to bottom.
TRAIN, VAL = ("2007_000032", "2007_000039", "2008_000008"), ("2007_000033", "2007_000042")
SBD_TRAIN = ("2008_000002", "2008_000008", "2007_000033", "2008_000003")
SBD_VAL = ("2008_000007", "2007_000042")
TRAINAUG = ("2007_000032", "2007_000039", "2008_000002", "2008_000003", "2008_000007", "2008_000008")
TEST = ("2008_000001", "2008_000004")
UNLISTED = "2009_000001"
TAGS = {
    "2007_000032": ("aeroplane", "person"),
    "2007_000033": ("aeroplane",),
    "2007_000039": ("tvmonitor",),
    "2007_000042": ("train",),
    "2008_000002": ("tvmonitor",),
    "2008_000003": ("train", "person"),  # SBD's mask shows no person
    "2008_000007": ("boat",),
    "2008_000008": ("horse",),  # VOC's mask shows a person as well
    UNLISTED: ("dog",),
}
VOC_MASKS = {
    "2007_000032": ("aeroplane", "person"),
    "2007_000033": ("aeroplane",),
    "2007_000039": ("tvmonitor",),
    "2007_000042": ("train",),
    "2008_000008": ("person", "horse"),
}
SBD_MASKS = {
    "2007_000033": ("aeroplane",),
    "2007_000042": ("train",),
    "2008_000002": ("tvmonitor",),
    "2008_000003": ("train",),
    "2008_000007": ("boat",),
    "2008_000008": ("horse",),
}
FC_UNIT = 2.0**-20  # small enough for training to stay finite, and exact in floating point
EXPECTED_IMAGES = {"train": 3, "trainaug": 6, "trainvalaug": 8, "val": 2, "test": 2}


def size_of(id: str) -> tuple[int, int]:
    """Return (height, width) of an image: no two are the same."""
    number = [*TAGS, *TEST].index(id)
    return 60 + number, 80 - number


def mask_of(id: str, shown: tuple[str, ...], *, border: int) -> np.ndarray:
    """Return a mask with a band for each class, 10 rows high, and a line of `border` below each."""
    mask = np.zeros(size_of(id), np.uint8)
    for band, name in enumerate(shown):
        mask[12 * band + 4 : 12 * band + 14, 8:-8] = CLASSES.index(name) + 1
        mask[12 * band + 14, 8:-8] = border
    return mask


def annotation(id: str) -> bytes:
    """Return an annotation as VOC's, with a difficult object and a part of a person, which is no object."""
    height, width = size_of(id)
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    objects = "".join(
        f"\t<object>\n\t\t<name>{name}</name>\n\t\t<pose>Frontal</pose>\n\t\t<truncated>0</truncated>\n"
        f"\t\t<difficult>{number % 2}</difficult>\n\t\t{box}\n"
        + (f"\t\t<part>\n\t\t\t<name>head</name>\n\t\t\t{box}\n\t\t</part>\n" if name == "person" else "")
        + "\t</object>\n"
        for number, name in enumerate(TAGS[id])
    )
    return (
        f"<annotation>\n\t<folder>VOC2012</folder>\n\t<filename>{id}.jpg</filename>\n"
        "\t<source>\n\t\t<database>The VOC2007 Database</database>\n\t\t<annotation>PASCAL VOC2007</annotation>\n"
        "\t\t<image>flickr</image>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        f"\t<segmented>1</segmented>\n{objects}</annotation>\n"
    ).encode()


def photo(id: str) -> bytes:
    """Return a JPEG: the bands of the mask in grey, under noise."""
    rng = np.random.default_rng(list(id.encode()))
    pixels = rng.integers(0, 120, (*size_of(id), 3), np.uint8)
    shown = VOC_MASKS.get(id) or SBD_MASKS.get(id) or ("dog",)
    pixels[mask_of(id, shown, border=0) > 0] += 100
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def palette_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    image.save(buffer, "PNG")
    return buffer.getvalue()


def gtcls(mask: np.ndarray) -> bytes:
    """Return a MATLAB v5 file as SBD's: boundaries per class as sparse matrices, the mask, the classes present."""
    boundaries = np.empty((20, 1), object)
    for number in range(20):
        edge = np.zeros(mask.shape, bool)
        edge[1:] = (mask[1:] == number + 1) != (mask[:-1] == number + 1)
        boundaries[number, 0] = csc_matrix(edge)
    present = np.setdiff1d(mask, [0]).astype(np.uint8)[:, None]
    buffer = io.BytesIO()
    content = {"Boundaries": boundaries, "Segmentation": mask, "CategoriesPresent": present}
    savemat(buffer, {"GTcls": content}, do_compression=True)
    return buffer.getvalue()


def lines(ids: tuple[str, ...]) -> bytes:
    return "".join(f"{id}\n" for id in ids).encode()


def voc_files() -> dict[str, bytes]:
    """Return the members of VOCtrainval_11-May-2012.tar."""
    root = "VOCdevkit/VOC2012"
    files = {f"{root}/JPEGImages/{id}.jpg": photo(id) for id in TAGS}
    files |= {f"{root}/Annotations/{id}.xml": annotation(id) for id in TAGS}
    for id, shown in VOC_MASKS.items():
        files[f"{root}/SegmentationClass/{id}.png"] = palette_png(mask_of(id, shown, border=255))
        files[f"{root}/SegmentationObject/{id}.png"] = palette_png(mask_of(id, shown, border=255))
    for name, ids in (("train", TRAIN), ("val", VAL), ("trainval", tuple(sorted(TRAIN + VAL)))):
        files[f"{root}/ImageSets/Segmentation/{name}.txt"] = lines(ids)
    files[f"{root}/ImageSets/Main/dog_train.txt"] = f"{UNLISTED}  1\n{TRAIN[0]} -1\n".encode()
    return files


def sbd_files() -> dict[str, bytes]:
    """Return the members of benchmark.tgz, much that is not needed among them."""
    root = "benchmark_RELEASE"
    files = {f"{root}/dataset/train.txt": lines(SBD_TRAIN), f"{root}/dataset/val.txt": lines(SBD_VAL)}
    for id, shown in SBD_MASKS.items():
        files[f"{root}/dataset/cls/{id}.mat"] = gtcls(mask_of(id, shown, border=0))
        files[f"{root}/dataset/inst/{id}.mat"] = b"not read"
        files[f"{root}/dataset/img/{id}.jpg"] = photo(id)
    return files | {f"{root}/README": b"Semantic Boundaries Dataset", f"{root}/benchmark_code_RELEASE/a.m": b"% code"}


def voc_test_files() -> dict[str, bytes]:
    """Return the members of VOC2012test.tar."""
    root = "VOCdevkit/VOC2012"
    return {f"{root}/JPEGImages/{id}.jpg": photo(id) for id in TEST} | {
        f"{root}/ImageSets/Segmentation/test.txt": lines(TEST)
    }


def write_tar(path: Path, files: dict[str, bytes], *, mode: str = "w") -> Path:
    """Write an archive with its folders as members, as tar does; `mode` is w or w:gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folders = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    with tarfile.open(path, mode) as tar:
        for name in sorted(folders):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    """Write the members of an archive as files below `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def fully_connected() -> dict[str, torch.Tensor]:
    """Return VGG16's fully connected layers in their real shapes: views of one small stretch of memory, and of file.

    Entry (r, c) of fc6 is r + c, of fc7 2r + c, so that rows and columns differ; all are multiplied by FC_UNIT.
    """
    line, bias = FC_UNIT * torch.arange(4096.0 + 25088), FC_UNIT * torch.arange(4096.0)
    return {
        "classifier.0.weight": line.as_strided((4096, 25088), (1, 1)),
        "classifier.0.bias": bias,
        "classifier.3.weight": line.as_strided((4096, 4096), (2, 1)),
        "classifier.3.bias": -bias,
        "classifier.6.weight": line.as_strided((1000, 4096), (2, 1)),
        "classifier.6.bias": bias[:1000],
    }


def vgg16_state() -> dict[str, torch.Tensor]:
    """Return a state with the key names and shapes of torchvision's VGG16, its convolutions random."""
    torch.manual_seed(0)
    features = make_layers(cfgs["D"], batch_norm=False).state_dict()
    return {f"features.{name}": tensor for name, tensor in features.items()} | fully_connected()
