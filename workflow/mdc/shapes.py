"""The built-in dataset: drawn scenes that make the paper's point and train from scratch in minutes on a CPU.

Every object is a large textured *body* with a small *head* inside it: a disc with the colour and glyph of its class.
What each part is for:

- Heads alone tell the classes apart, so a classifier trained on tags looks at heads. Bodies take texture and colour
  from one pool shared by all classes, so most of an object can only be found by carrying evidence from the head over
  to it, which is what larger dilations are for.
- Saliency is an unreliable guide: *distractors* (shapes with textures that bodies never have) stand out but belong to
  no class, a quarter of the bodies has nearly the background's colours, and many are cut by the image border.
- Now and then a *detached head* lies outside any body. It is background, and no tag speaks of it.

Scenes are written in the folder layout of PASCAL VOC 2012, so that everything downstream treats them like photos.
"""

import colorsys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import cv2
import numpy as np

from mdc.files import write_whole
from mdc.parallel import map_in_order
from mdc.voc import BACKGROUND, VOID, write_mask

# Lengths are shares of the image side unless said otherwise; pairs are the ends of a range.
MIN_SIDE_PX = 64  # below, a glyph has too few pixels to be told apart
JPEG_QUALITY = 92  # leaves the artefacts of photos without blurring the glyphs
MIN_VISIBLE_PX = 50  # an object with less to see would carry a tag that nothing supports
TRIES = 30  # places proposed before an object is given up: more only pack crowded scenes tighter

OBJECT_COUNT_SHARES = (0.6, 0.3, 0.1)  # of scenes with one, two, three objects
LENGTH_FACTORS = (1.0, 0.75, 0.6)  # where there are so many, so that they fit beside each other
BODY_LENGTH = (0.6, 1.0)  # larger than what one look at a head takes in: the reason for dilations
BODY_ASPECT = (0.55, 0.85)
HEAD_RADIUS = (0.12, 0.17)  # of the body's length: larger, and the head would be most of the object
HEAD_RADIUS_MIN_PX = 5.0  # the glyph must survive two poolings
HEAD_OFFSET = (0.1, 0.6)  # of the half axis, from the middle: well inside, so that evidence can spread to all sides
HEAD_TILT = 0.35  # radians; heads that turn freely would need more training images
SEEN_SHARE = 0.85  # at least so much of a body lies inside the image: cut bodies look like background to saliency
MAX_OVERLAP = 0.12  # at most so much of what is seen of an object is covered by the next one
LOW_CONTRAST_SHARE = 0.2  # of bodies: with it, saliency at .15 takes half of the objects and of the distractors alike
LOW_CONTRAST = 22.0  # grey levels by which the two colours of such a body lie above and below the background's

DISTRACTOR_COUNT = (2, 4)
DISTRACTOR_SIZE = (0.28, 0.5)  # as large as smaller bodies, so that size gives nothing away
DISTRACTOR_TRIES = 6  # the place with most free background wins: they should be seen, yet objects may hide part of them
DETACHED_HEADS_MEAN = 0.15  # rare: each of them contradicts the tags
DETACHED_RADIUS = (0.07, 0.13)  # as on bodies
BACKDROP_SHAPES_MAX = 8
BACKDROP_SHAPE_SIZE = (0.1, 0.35)
BACKDROP_CONTRAST = 18.0  # grey levels by which the soft shapes differ: uneven ground, not things
BACKDROP_OCTAVES = ((4, 8.0), (13, 4.0))  # cells along a side, grey levels: slow and fast unevenness
GRAIN = 4.0  # standard deviation of the camera noise in grey levels
PERIOD = (0.07, 0.14)  # of a texture: visible after two poolings, and repeated several times on a body
TEXTURE_CONTRAST = (0.18, 0.4)  # brightness between a texture's two colours

TURN = 2 * np.pi
SUBPIXEL_BITS = 4  # outlines are placed to a sixteenth of a pixel


def _arc(radius: float, *, start: float = 0.0, stop: float = TURN, x: float = 0.0) -> np.ndarray:
    angle = np.linspace(start, stop, 25)
    return np.stack([x + radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _heart() -> np.ndarray:
    t = np.linspace(0, TURN, 33)
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -height - 2], axis=1) * 0.043


def _star(points: int, inner: float) -> np.ndarray:
    angle = np.linspace(0, TURN, 2 * points, endpoint=False)
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1)


def _cross(arm: float, reach: float) -> np.ndarray:
    quarter = np.array([(arm, reach), (arm, arm), (reach, arm)])
    turned = [quarter @ np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, -1), (-1, 0), (0, 1))]
    return np.concatenate(turned)


@dataclass(frozen=True)
class _Look:
    """A class's head: RGB colours of its disc and its glyph, and the glyph's outlines in the unit disc, y down."""

    disc: tuple[int, int, int]
    ink: tuple[int, int, int]
    glyph: list[np.ndarray]


_WHITE, _BLACK = (255, 255, 255), (15, 15, 15)
_BOLT = [(0.3, -0.8), (-0.55, 0.15), (-0.05, 0.15), (-0.3, 0.8), (0.55, -0.15), (0.05, -0.15)]
_ARROW = [(0, -0.75), (0.65, 0), (0.22, 0), (0.22, 0.7), (-0.22, 0.7), (-0.22, 0), (-0.65, 0)]
_MOON = [_arc(0.75, start=0.9, stop=TURN - 0.9), _arc(0.61, start=TURN - 1.295, stop=1.295, x=0.3)]  # two shared horns
# Colour and glyph both tell, and classes of similar hue differ in ink.
_LOOKS = {
    "heart": _Look((215, 30, 40), _WHITE, [_heart()]),
    "bolt": _Look((250, 215, 20), _BLACK, [np.array(_BOLT)]),
    "ring": _Look((20, 150, 60), _WHITE, [_arc(0.7), _arc(0.36)]),
    "arrow": _Look((40, 210, 225), _BLACK, [np.array(_ARROW)]),
    "moon": _Look((45, 60, 200), _WHITE, [np.concatenate(_MOON)]),
    "cross": _Look((225, 60, 205), _BLACK, [_cross(0.2, 0.72)]),
}
CLASSES: tuple[str, ...] = tuple(_LOOKS)


class SceneObject(NamedTuple):
    """An object as VOC describes it: class index 1..6, box around its labelled pixels, whether the border cuts it."""

    label: int
    box: tuple[int, int, int, int]  # xmin, ymin, xmax, ymax in pixels from 0, all inclusive
    truncated: bool


@dataclass(frozen=True)
class Scene:
    """An image, uint8 (H, W, 3) RGB, its mask, uint8 (H, W) with 0, class indices and 255, and the mask's objects."""

    image: np.ndarray
    mask: np.ndarray
    objects: list[SceneObject]


@dataclass(frozen=True)
class _Head:
    label: int
    x: float
    y: float
    radius: float

    def depth(self, side_px: int) -> np.ndarray:
        """Return how many pixels deep inside the disc each pixel lies: float32 (H, W), negative outside."""
        x, y = _grid(side_px)
        return self.radius - np.hypot(x - np.float32(self.x), y - np.float32(self.y))


@dataclass(frozen=True)
class _Body:
    x: float
    y: float
    half_length: float
    half_width: float
    angle: float
    head: _Head

    def depth(self, side_px: int) -> np.ndarray:
        """Return about how many pixels deep inside the ellipse each pixel lies: float32 (H, W), negative outside."""
        along, across = _turned(side_px, self.angle, self.x, self.y)
        radius = np.hypot(along / np.float32(self.half_length), across / np.float32(self.half_width))
        return (1 - radius) * np.float32(self.half_width)


def _grid(side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the column and row of each pixel, as float32 arrays that broadcast to (H, W)."""
    position = np.arange(side_px, dtype=np.float32)
    return position[None, :], position[:, None]


def _turned(side_px: int, angle: float, x0: float = 0.0, y0: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates, float32 (H, W) each, along and across direction `angle` from (x0, y0)."""
    x, y = _grid(side_px)
    x, y = x - np.float32(x0), y - np.float32(y0)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def draw_scene(rng: np.random.Generator, *, side_px: int) -> Scene:
    """Return a random scene of `side_px` x `side_px` pixels with one to three objects, fully determined by `rng`.

    A band of void, two pixels wide, runs along the outlines of objects, as in VOC. The classes of the objects are those
    of the mask; each object shows at least 50 labelled pixels and its whole head. Raises `ValueError` below 64 pixels.
    """
    if side_px < MIN_SIDE_PX:
        raise ValueError(f"scenes have at least {MIN_SIDE_PX} pixels a side, not {side_px}")
    bodies, instances = _placed_bodies(rng, side_px)
    image, ground = _backdrop(rng, side_px)
    _paint_distractors(rng, image, instances)
    _paint_detached_heads(rng, image, instances)
    for body in bodies:
        near = ground if rng.random() < LOW_CONTRAST_SHARE else None
        texture = _BODY_TEXTURES[rng.integers(len(_BODY_TEXTURES))]
        _blend(image, _coverage(body.depth(side_px)), _textured(rng, texture, side_px, near=near))
        _paint_head(rng, image, body.head)
    image += GRAIN * rng.standard_normal(image.shape, dtype=np.float32)

    labelled = _without_outlines(instances)
    mask = np.array([BACKGROUND] + [body.head.label for body in bodies], dtype=np.uint8)[instances]
    mask[labelled == VOID] = VOID
    objects = [_described(labelled == i, body.head.label) for i, body in enumerate(bodies, start=1)]
    return Scene(image=np.clip(np.rint(image), 0, 255).astype(np.uint8), mask=mask, objects=objects)


def _placed_bodies(rng: np.random.Generator, side_px: int) -> tuple[list[_Body], np.ndarray]:
    """Return the bodies, hindmost first, and uint8 (H, W): 0, or from 1 the number of the body seen at each pixel."""
    count = int(rng.choice(len(OBJECT_COUNT_SHARES), p=OBJECT_COUNT_SHARES)) + 1
    bodies: list[_Body] = []
    instances = np.zeros((side_px, side_px), dtype=np.uint8)
    heads = np.zeros(instances.shape, dtype=bool)
    tries = 0
    while len(bodies) < count and (tries < TRIES * count or not bodies):
        tries += 1
        body = _random_body(rng, side_px, factor=LENGTH_FACTORS[count - 1])
        head = body.head.depth(side_px) > 0
        inside = (body.depth(side_px) > 0) | head
        after = np.where(inside, np.uint8(len(bodies) + 1), instances)
        if inside.sum() < SEEN_SHARE * np.pi * body.half_length * body.half_width or (inside & heads).any():
            continue
        before_px = np.bincount(instances.ravel(), minlength=len(bodies) + 2)
        after_px = np.bincount(after.ravel(), minlength=len(bodies) + 2)
        if (after_px[1:] < (1 - MAX_OVERLAP) * before_px[1:]).any():
            continue
        if np.bincount(_without_outlines(after).ravel(), minlength=VOID)[1 : len(bodies) + 2].min() < MIN_VISIBLE_PX:
            continue
        bodies.append(body)
        instances, heads = after, heads | head
    return bodies, instances


def _random_body(rng: np.random.Generator, side_px: int, *, factor: float) -> _Body:
    """Return a body anywhere, but with its whole head in the image."""
    half_length = factor * rng.uniform(*BODY_LENGTH) * side_px / 2
    radius = max(HEAD_RADIUS_MIN_PX, rng.uniform(*HEAD_RADIUS) * 2 * half_length)
    angle = rng.uniform(0, TURN)
    head_x, head_y = rng.uniform(radius, side_px - 1 - radius, size=2)
    offset = rng.uniform(*HEAD_OFFSET) * half_length
    return _Body(
        x=head_x - offset * np.cos(angle),
        y=head_y - offset * np.sin(angle),
        half_length=half_length,
        half_width=half_length * rng.uniform(*BODY_ASPECT),
        angle=angle,
        head=_Head(label=int(rng.integers(len(CLASSES))) + 1, x=head_x, y=head_y, radius=radius),
    )


def _without_outlines(instances: np.ndarray) -> np.ndarray:
    """Return `instances` with 255 on both sides of every border between two bodies or a body and the background."""
    square = np.ones((3, 3), dtype=np.uint8)
    outline = cv2.dilate(instances, square) != cv2.erode(instances, square)
    return np.where(outline, np.uint8(VOID), instances)


def _described(pixels: np.ndarray, label: int) -> SceneObject:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))
    last = len(pixels) - 1
    return SceneObject(label=label, box=box, truncated=min(box) == 0 or max(box) == last)


def _backdrop(rng: np.random.Generator, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uneven ground with soft shapes, float32 (H, W, 3), and its main colour, float32 (3,)."""
    ground = _colour(rng.random(), rng.uniform(0.1, 0.45), rng.uniform(0.35, 0.8))
    image = np.empty((side_px, side_px, 3), dtype=np.float32)
    image[:] = ground
    for _ in range(rng.integers(BACKDROP_SHAPES_MAX + 1)):
        x, y = rng.uniform(0, side_px, size=2)
        along, across = _turned(side_px, rng.uniform(0, TURN), x, y)
        a, b = rng.uniform(*BACKDROP_SHAPE_SIZE, size=2) * side_px
        softness = np.clip(2 * (1 - np.hypot(along / np.float32(a), across / np.float32(b))), 0, 1)
        _blend(image, softness, ground + rng.uniform(-BACKDROP_CONTRAST, BACKDROP_CONTRAST, size=3).astype(np.float32))
    for cells, strength in BACKDROP_OCTAVES:
        image += np.float32(strength) * _noise(rng, side_px, cells)[..., None]
    return image, ground


def _paint_distractors(rng: np.random.Generator, image: np.ndarray, instances: np.ndarray) -> None:
    side_px = len(image)
    for _ in range(rng.integers(DISTRACTOR_COUNT[0], DISTRACTOR_COUNT[1] + 1)):
        outline = _DISTRACTOR_OUTLINES[rng.integers(len(_DISTRACTOR_OUTLINES))](rng)
        radius = rng.uniform(*DISTRACTOR_SIZE) * side_px / 2
        angle = rng.uniform(0, TURN)
        places = rng.uniform(0.1, 0.9, size=(DISTRACTOR_TRIES, 2)) * side_px
        covers = [_filled([outline], x, y, radius, angle, side_px) for x, y in places]
        free = [int((cover > 0.5)[instances == 0].sum()) for cover in covers]
        texture = _DISTRACTOR_TEXTURES[rng.integers(len(_DISTRACTOR_TEXTURES))]
        _blend(image, covers[int(np.argmax(free))], _textured(rng, texture, side_px, near=None))


def _paint_detached_heads(rng: np.random.Generator, image: np.ndarray, instances: np.ndarray) -> None:
    side_px = len(image)
    for _ in range(rng.poisson(DETACHED_HEADS_MEAN)):
        for _ in range(TRIES):
            radius = max(HEAD_RADIUS_MIN_PX, rng.uniform(*DETACHED_RADIUS) * side_px)
            x, y = rng.uniform(radius, side_px - 1 - radius, size=2)
            head = _Head(label=int(rng.integers(len(CLASSES))) + 1, x=x, y=y, radius=radius)
            if not instances[head.depth(side_px) > -2].any():  # with a gap, so that it does not seem to be on a body
                _paint_head(rng, image, head)
                break


def _paint_head(rng: np.random.Generator, image: np.ndarray, head: _Head) -> None:
    look = _LOOKS[CLASSES[head.label - 1]]
    tilt = rng.uniform(-HEAD_TILT, HEAD_TILT)
    _blend(image, _coverage(head.depth(len(image))), np.array(look.disc, dtype=np.float32))
    _blend(image, _filled(look.glyph, head.x, head.y, head.radius, tilt, len(image)), np.array(look.ink, np.float32))


def _coverage(depth: np.ndarray) -> np.ndarray:
    """Return the share of each pixel inside an outline, float32 (H, W) in [0, 1], from its depth in pixels."""
    return np.clip(depth + np.float32(0.5), 0, 1)


def _filled(outlines: list[np.ndarray], x: float, y: float, radius: float, angle: float, side_px: int) -> np.ndarray:
    """Return the share of each pixel inside `outlines` (unit size) placed at (x, y): float32 (H, W) in [0, 1]."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed = [np.rint((outline @ turn * radius + (x, y)) * 2**SUBPIXEL_BITS).astype(np.int32) for outline in outlines]
    cover = np.zeros((side_px, side_px), dtype=np.uint8)
    cv2.fillPoly(cover, placed, color=255, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
    return cover.astype(np.float32) / 255


def _blend(image: np.ndarray, cover: np.ndarray, colours: np.ndarray) -> None:
    """Paint `colours`, (3,) or (H, W, 3), over float32 `image` (H, W, 3) where `cover` (H, W) is above 0."""
    x, y, width, height = cv2.boundingRect((cover > 0).view(np.uint8))
    box = np.s_[y : y + height, x : x + width]  # most covers are small: this saves a quarter of a scene's time
    image[box] += cover[box][..., None] * ((colours[box] if colours.ndim == 3 else colours) - image[box])


def _colour(hue: float, saturation: float, brightness: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue, saturation, brightness), dtype=np.float32) * 255


def _noise(rng: np.random.Generator, side_px: int, cells: int) -> np.ndarray:
    """Return smooth noise of spread about 1 and `cells` bumps along a side: float32 (H, W)."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


_Texture = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _textured(rng: np.random.Generator, texture: _Texture, side_px: int, *, near: np.ndarray | None) -> np.ndarray:
    """Return a texture in two colours of the pool, or in two colours `near` one: float32 (H, W, 3)."""
    u, v = _turned(side_px, rng.uniform(0, TURN))
    scale = np.float32(TURN / (rng.uniform(*PERIOD) * side_px))
    phase_u, phase_v = rng.uniform(0, TURN, size=2).astype(np.float32)
    if near is None:
        # Duller than any head, so that heads stay the surest evidence.
        hue, saturation, brightness = rng.random(), rng.uniform(0.15, 0.55), rng.uniform(0.45, 0.95)
        darker = brightness - rng.uniform(*TEXTURE_CONTRAST)
        first, second = _colour(hue, saturation, brightness), _colour(hue, saturation, darker)
    else:
        first = near + np.float32(LOW_CONTRAST)
        second = near - np.float32(LOW_CONTRAST)
    mix = texture(u * scale + phase_u, v * scale + phase_v)[..., None]
    return second + mix * (first - second)


# Textures return the share of the first colour, float32 (H, W) in [0, 1]; u and v advance by a turn per period.
def _stripes(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 1.5 * np.sin(u), 0, 1)


def _spots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 1.5 * (np.cos(u) + np.cos(v) - 0.5), 0, 1)


def _check(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 4 * np.sin(u / 2) * np.sin(v / 2), 0, 1)


def _lines(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 3 * (np.maximum(np.cos(u), np.cos(v)) - 0.8), 0, 1)


def _wave(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 1.5 * np.sin(u + 2 * np.sin(v / 2)), 0, 1)


def _gradient(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (u - u.min()) / np.ptp(u)


def _mottle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # Waves that bend each other at odd ratios: patches without visible repetition.
    return np.clip(0.5 + np.sin(u / 2 + 3 * np.sin(0.37 * v)) + np.sin(v / 2 + 3 * np.sin(0.43 * u)), 0, 1)


_BODY_TEXTURES: tuple[_Texture, ...] = (_stripes, _spots)
_DISTRACTOR_TEXTURES: tuple[_Texture, ...] = (_check, _lines, _wave, _gradient, _mottle)


def _blob(rng: np.random.Generator) -> np.ndarray:
    angle = np.linspace(0, TURN, 48, endpoint=False)
    radius = 0.8 + sum(rng.uniform(-0.15, 0.15) * np.cos(k * angle + rng.uniform(0, TURN)) for k in (2, 3, 5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _rectangle(rng: np.random.Generator) -> np.ndarray:
    return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (0.95, rng.uniform(0.45, 0.8))


_DISTRACTOR_OUTLINES: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    _blob,
    _rectangle,
    lambda rng: _star(5, 0.5),
    lambda rng: 1.15 * _star(3, 0.5),  # a triangle
    lambda rng: _cross(0.38, 1.0),
)


def write_dataset(root: Path, *, images: dict[str, int], side_px: int, seed: int, processes: int) -> None:
    """Write `images[split]` scenes for each split in VOC's folder layout under `root`, with ids such as `train_000012`.

    A scene depends on `seed`, its split and its number only, not on `processes` or the sizes of the splits. The class
    names stand in `root`/classes.txt, in the order of the mask's indices.
    """
    root = Path(root)
    places = [(split, number) for split, count in images.items() for number in range(count)]
    for _ in map_in_order(
        partial(_write_scene, root=root, side_px=side_px, seed=seed), places, processes=processes, label="scenes"
    ):
        pass
    for split, count in images.items():
        ids = "".join(f"{_scene_id(split, number)}\n" for number in range(count))
        for task in ("Segmentation", "Main"):
            write_whole(root / "ImageSets" / task / f"{split}.txt", ids.encode())
    write_whole(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES).encode())


def _scene_id(split: str, number: int) -> str:
    return f"{split}_{number:06d}"


def _write_scene(place: tuple[str, int], *, root: Path, side_px: int, seed: int) -> None:
    split, number = place
    # A checksum, because Python's own hash of a string changes from process to process.
    scene = draw_scene(np.random.default_rng([seed, zlib.crc32(split.encode()), number]), side_px=side_px)
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
