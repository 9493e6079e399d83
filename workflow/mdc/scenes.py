"""Scenes of the built-in dataset, which make the paper's point and train from scratch in minutes on a CPU.

Every object is a large textured *body* with a small *head* inside it: a disc with the colour and glyph of its class.
What each part is for:

- Heads alone tell the classes apart, so a classifier trained on tags looks at heads. Bodies take texture and colour
  from one pool shared by all classes, so most of an object can only be found by carrying evidence from the head over
  to it, which is what larger dilations are for.
- Saliency is an unreliable guide: *distractors* (shapes with textures that bodies never have) stand out but belong to
  no class, a fifth of the bodies has nearly the background's colours, and many are cut by the image border.
- Now and then a *detached head* lies outside any body. It is background, and no tag speaks of it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from mdc.patterns import (
    BODY_TEXTURES,
    DISTRACTOR_OUTLINES,
    DISTRACTOR_TEXTURES,
    LOOKS,
    TURN,
    blend,
    colour,
    coverage,
    filled,
    noise,
    pixel_grid,
    textured,
    turned_grid,
)
from mdc.voc import BACKGROUND, VOID

CLASSES: tuple[str, ...] = tuple(LOOKS)

# Lengths are shares of the image side unless said otherwise; pairs are the ends of a range.
MIN_SIDE_PX = 64  # below, a glyph has too few pixels to be told apart
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
SEEN_SHARE = 0.85  # of a body inside the image, at least: saliency at .15 takes half of a cut one, .7 of a whole one
MAX_OVERLAP = 0.12  # at most so much of what is seen of an object is covered by the next one
LOW_CONTRAST_SHARE = 0.2  # of bodies: so many that saliency takes as much of distractors as of objects, from .06 to .3

DISTRACTOR_COUNT = (2, 4)
DISTRACTOR_SIZE = (0.28, 0.5)  # the larger ones match the smallest bodies, so that size is no sure sign
DISTRACTOR_TRIES = 6  # the place with most free background wins: they should be seen, yet objects may hide part of them
DETACHED_HEADS_MEAN = 0.15  # rare: each of them contradicts the tags
DETACHED_RADIUS = (0.07, 0.13)  # as on bodies
BACKDROP_SHAPES_MAX = 8
BACKDROP_SHAPE_SIZE = (0.1, 0.35)
BACKDROP_CONTRAST = 18.0  # grey levels by which the soft shapes differ: uneven ground, not things
BACKDROP_OCTAVES = ((4, 8.0), (13, 4.0))  # cells along a side, grey levels: slow and fast unevenness
GRAIN = 4.0  # standard deviation of the camera noise in grey levels


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
        x, y = pixel_grid(side_px)
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
        along, across = turned_grid(side_px, self.angle, self.x, self.y)
        radius = np.hypot(along / np.float32(self.half_length), across / np.float32(self.half_width))
        return (1 - radius) * np.float32(self.half_width)


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
        texture = BODY_TEXTURES[rng.integers(len(BODY_TEXTURES))]
        blend(image, coverage(body.depth(side_px)), textured(rng, texture, side_px, near=near))
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
    ground = colour(rng.random(), rng.uniform(0.1, 0.45), rng.uniform(0.35, 0.8))
    image = np.empty((side_px, side_px, 3), dtype=np.float32)
    image[:] = ground
    for _ in range(rng.integers(BACKDROP_SHAPES_MAX + 1)):
        x, y = rng.uniform(0, side_px, size=2)
        along, across = turned_grid(side_px, rng.uniform(0, TURN), x, y)
        a, b = rng.uniform(*BACKDROP_SHAPE_SIZE, size=2) * side_px
        softness = np.clip(2 * (1 - np.hypot(along / np.float32(a), across / np.float32(b))), 0, 1)
        blend(image, softness, ground + rng.uniform(-BACKDROP_CONTRAST, BACKDROP_CONTRAST, size=3).astype(np.float32))
    for cells, strength in BACKDROP_OCTAVES:
        image += np.float32(strength) * noise(rng, side_px, cells)[..., None]
    return image, ground


def _paint_distractors(rng: np.random.Generator, image: np.ndarray, instances: np.ndarray) -> None:
    side_px = len(image)
    for _ in range(rng.integers(DISTRACTOR_COUNT[0], DISTRACTOR_COUNT[1] + 1)):
        outline = DISTRACTOR_OUTLINES[rng.integers(len(DISTRACTOR_OUTLINES))](rng)
        radius = rng.uniform(*DISTRACTOR_SIZE) * side_px / 2
        angle = rng.uniform(0, TURN)
        places = rng.uniform(0.1, 0.9, size=(DISTRACTOR_TRIES, 2)) * side_px
        covers = [filled([outline], x, y, radius, angle, side_px) for x, y in places]
        free = [int((cover > 0.5)[instances == 0].sum()) for cover in covers]
        texture = DISTRACTOR_TEXTURES[rng.integers(len(DISTRACTOR_TEXTURES))]
        blend(image, covers[int(np.argmax(free))], textured(rng, texture, side_px, near=None))


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
    look = LOOKS[CLASSES[head.label - 1]]
    tilt = rng.uniform(-HEAD_TILT, HEAD_TILT)
    blend(image, coverage(head.depth(len(image))), np.array(look.disc, dtype=np.float32))
    blend(image, filled(look.glyph, head.x, head.y, head.radius, tilt, len(image)), np.array(look.ink, np.float32))
