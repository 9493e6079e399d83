"""The built-in dataset: drawn scenes in VOC's folder layout, so that everything downstream treats them like photos.

`scenes.py` describes the scenes, and the reasons for them.
"""

import zlib
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from mdc.data.mask_files import write_mask
from mdc.data.synthetic.scene import CLASSES, Scene, draw_scene
from mdc.runtime.files import write_whole
from mdc.runtime.parallel import map_in_order

JPEG_QUALITY = 92  # leaves the artefacts of photos without blurring the glyphs


def write_dataset(
    root: Path, *, images: dict[str, int], side_px: int, body_cue: float, seed: int, processes: int
) -> None:
    """Write `images[split]` scenes for each split in VOC's folder layout under `root`, with ids such as `train_000012`.

    `side_px` and `body_cue` are those of `scenes.draw_scene`. A scene depends on them, `seed`, its split and its
    number, not on `processes` or the sizes of the splits. The class names are in `root`/classes.txt, in the order of
    the mask's indices.
    """
    root = Path(root)
    places = [(split, number) for split, count in images.items() for number in range(count)]
    for _ in map_in_order(
        partial(_write_scene, root=root, side_px=side_px, body_cue=body_cue, seed=seed),
        places,
        processes=processes,
        label="scenes",
    ):
        pass
    for split, count in images.items():
        ids = "".join(f"{_scene_id(split, number)}\n" for number in range(count))
        for task in ("Segmentation", "Main"):
            write_whole(root / "ImageSets" / task / f"{split}.txt", ids.encode())
    write_whole(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES).encode())


def _scene_id(split: str, number: int) -> str:
    return f"{split}_{number:06d}"


def drawn_again(split: str, number: int, *, side_px: int, body_cue: float, seed: int) -> Scene:
    """Return scene `number` of a split of the dataset with this seed, as `write_dataset` drew it."""
    # A checksum, because Python's own hash of a string changes from process to process.
    rng = np.random.default_rng([seed, zlib.crc32(split.encode()), number])
    return draw_scene(rng, side_px=side_px, body_cue=body_cue)


def _write_scene(place: tuple[str, int], *, root: Path, side_px: int, body_cue: float, seed: int) -> None:
    split, number = place
    scene = drawn_again(split, number, side_px=side_px, body_cue=body_cue, seed=seed)
    scene_id = _scene_id(split, number)
    bgr = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    write_whole(root / "JPEGImages" / f"{scene_id}.jpg", jpeg.tobytes())
    write_mask(root / "SegmentationClass" / f"{scene_id}.png", scene.mask)
    write_whole(root / "Annotations" / f"{scene_id}.xml", _annotation(scene, scene_id, folder=root.name))


def _annotation(scene: Scene, scene_id: str, *, folder: str) -> bytes:
    """Return VOC's description of a scene as XML, with boxes counted from 1 as VOC does."""
    root = ElementTree.Element("annotation")

    def add(parent: ElementTree.Element, name: str, text: object) -> None:
        ElementTree.SubElement(parent, name).text = str(text)

    add(root, "folder", folder)
    add(root, "filename", f"{scene_id}.jpg")
    size = ElementTree.SubElement(root, "size")
    for name, value in zip(("height", "width", "depth"), scene.image.shape, strict=True):
        add(size, name, value)
    add(root, "segmented", 1)
    for thing in scene.objects:
        element = ElementTree.SubElement(root, "object")
        add(element, "name", CLASSES[thing.label - 1])
        add(element, "pose", "Unspecified")
        add(element, "truncated", int(thing.truncated))
        add(element, "difficult", 0)
        box = ElementTree.SubElement(element, "bndbox")
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), thing.box, strict=True):
            add(box, name, value + 1)
    ElementTree.indent(root, space="\t")
    return ElementTree.tostring(root)
