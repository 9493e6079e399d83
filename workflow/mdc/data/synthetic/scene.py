"""Scenes of the built-in dataset, which pose the paper's question and train from scratch in minutes on a CPU.

Every object is a large textured *body* with a small *head* inside it: a disc with the colour and glyph of its class.
What each part is for:

- Only heads distinguish the classes reliably, so a classifier trained on tags looks at heads, and most of an object
  can only be found by carrying evidence from the head over to the body, which is what larger dilations are for.
- A share `body_cue` of the bodies hints at the class by its hue, as fur and paint do on real objects; the others take
  any, and no hue belongs to one class. With 0 nothing that tags name distinguishes a body from the ground.
- Saliency is as good a guide as on photos and no better: *distractors*, shapes with textures that bodies never have,
  stand out but belong to no class; some bodies have nearly the background's colours; some are cut by the border.
- Now and then a *detached head* lies outside any body. It is background, and no tag speaks of it.

The numbers below were set by looking at the data, at saliency alone and at the average precision of a classifier,
before anything was made of its maps: until the scenes were like a set of 268 photographs of 14 classes (table
`calibration` of the study) in how much of an image is foreground, how large objects are, from a fiftieth to more than
half of the image, how many touch the border or another object, how far their colour is from what surrounds them, and
how well the built-in saliency finds them (intersection over union at its best threshold .65 on the photographs, .63
to .66 here), and until the average precision lay between .8 and .97. They are frozen: the study compares methods on
them.
"""

import colorsys
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from mdc.data.labels import BACKGROUND, VOID
from mdc.data.synthetic.textures import (
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

CLASSES: tuple[str, ...] = tuple(LOOKS)
HUES = [colorsys.rgb_to_hsv(*look.disc)[0] for look in LOOKS.values()]
# Lengths are shares of the image side unless said otherwise; pairs are the ends of a range.
MIN_SIDE_PX = 64  # below, a glyph has too few pixels to be recognised
MIN_VISIBLE_PX = 50  # an object with less to see would carry a tag that nothing supports
TRIES = 30  # places proposed before an object is given up: more only pack crowded scenes tighter
OBJECT_COUNT_SHARES = (0.7, 0.22, 0.08)  # of scenes with one, two, three objects
CENTRE_SPREAD = (0.12, 0.22, 0.3)  # of places, from the middle, for so many objects: photographers aim
LENGTH_FACTORS = (1.0, 0.75, 0.6)  # where there are so many, so that they fit beside each other
BODY_LENGTH = (0.25, 1.2)  # from small to filling the image, as on photos: the reason for several dilations
BODY_ASPECT = (0.55, 0.85)
HEAD_RADIUS = (0.12, 0.17)  # of the body's length: larger, and the head would be most of the object
HEAD_RADIUS_MIN_PX = 5.0  # the glyph must survive two poolings
HEAD_OFFSET = (0.1, 0.6)  # of the half axis, from the middle: well inside, so that evidence can spread to all sides
HEAD_TILT = 0.35  # radians; heads that turn freely would need more training images
SEEN_SHARE = 0.8  # of a body inside the image, at least; so two in five touch the border
MAX_OVERLAP = 0.12  # at most so much of what is seen of an object is covered by the next one
HUE_SPREAD = 0.06  # of a hinting body's hue to either side of its head's, of the colour circle
LOW_CONTRAST_SHARE = 0.08  # of bodies: objects that stand out little, as the lowest twentieth of the photos
DISTRACTOR_COUNT = (0, 2)
DISTRACTOR_SIZE = (0.15, 0.45)  # as bodies, so that size is no sign
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
class Head:
    """The disc that shows the class, `label` 1..6; its middle and radius in pixels."""

    label: int
    x: float
    y: float
    radius: float

    def depth(self, side_px: int) -> np.ndarray:
        """Return how many pixels deep inside the disc each pixel lies: float32 (H, W), negative outside."""
        x, y = pixel_grid(side_px)
        return self.radius - np.hypot(x - np.float32(self.x), y - np.float32(self.y))

    def fits(self, side_px: int) -> bool:
        """Return whether the whole disc lies in the image."""
        return min(self.x, self.y) >= self.radius and max(self.x, self.y) <= side_px - 1 - self.radius


@dataclass(frozen=True)
class Scene:
    """An image, uint8 (H, W, 3) RGB, its mask, uint8 (H, W) with 0, class indices and 255, and the mask's objects.

    `heads` are those on bodies, hindmost first; `distractors`, bool (H, W), is where one of them is seen.
    """

    image: np.ndarray
    mask: np.ndarray
    objects: list[SceneObject]
    heads: list[Head]
    distractors: np.ndarray


@dataclass(frozen=True)
class _Body:
    x: float
    y: float
    half_length: float
    half_width: float
    angle: float
    head: Head

    def depth(self, side_px: int) -> np.ndarray:
        """Return about how many pixels deep inside the ellipse each pixel lies: float32 (H, W), negative outside."""
        along, across = turned_grid(side_px, self.angle, self.x, self.y)
        radius = np.hypot(along / np.float32(self.half_length), across / np.float32(self.half_width))
        return (1 - radius) * np.float32(self.half_width)


def draw_scene(rng: np.random.Generator, *, side_px: int, body_cue: float) -> Scene:
    """Return a random scene of `side_px` x `side_px` pixels with one to three objects, fully determined by `rng`.

    A share `body_cue` (0..1) of the bodies hints at its class by its hue.

    A band of void, two pixels wide, runs along the outlines of objects, as in VOC. The classes of the objects are those
    of the mask; each object shows at least 50 labelled pixels and its whole head. Raises `ValueError` below 64 pixels.
    """
    if side_px < MIN_SIDE_PX:
        raise ValueError(f"scenes have at least {MIN_SIDE_PX} pixels a side, not {side_px}")
    bodies, instances = _placed_bodies(rng, side_px)
    image, ground = _backdrop(rng, side_px)
    distractors = _paint_distractors(rng, image, instances)
    _paint_detached_heads(rng, image, instances)
    for body in bodies:
        near = ground if rng.random() < LOW_CONTRAST_SHARE else None
        texture = BODY_TEXTURES[rng.integers(len(BODY_TEXTURES))]
        hue = _body_hue(rng, body.head.label, body_cue)
        blend(image, coverage(body.depth(side_px)), textured(rng, texture, side_px, near=near, hue=hue))
        _paint_head(rng, image, body.head)
    image += GRAIN * rng.standard_normal(image.shape, dtype=np.float32)

    labelled = _without_outlines(instances)
    mask = np.array([BACKGROUND] + [body.head.label for body in bodies], dtype=np.uint8)[instances]
    mask[labelled == VOID] = VOID
    objects = [_described(labelled == i, body.head.label) for i, body in enumerate(bodies, start=1)]
    return Scene(
        image=np.clip(np.rint(image), 0, 255).astype(np.uint8),
        mask=mask,
        objects=objects,
        heads=[body.head for body in bodies],
        distractors=distractors,
    )


def _body_hue(rng: np.random.Generator, label: int, body_cue: float) -> float:
    """Return a body's hue, 0..1: near its head's for a share `body_cue` of the bodies, else any."""
    if rng.random() >= body_cue:
        return rng.random()
    return (HUES[label - 1] + rng.uniform(-HUE_SPREAD, HUE_SPREAD)) % 1.0


def _placed_bodies(rng: np.random.Generator, side_px: int) -> tuple[list[_Body], np.ndarray]:
    """Return the bodies, hindmost first, and uint8 (H, W): 0, or from 1 the number of the body seen at each pixel."""
    count = int(rng.choice(len(OBJECT_COUNT_SHARES), p=OBJECT_COUNT_SHARES)) + 1
    bodies: list[_Body] = []
    instances = np.zeros((side_px, side_px), dtype=np.uint8)
    heads = np.zeros(instances.shape, dtype=bool)
    tries = 0
    while len(bodies) < count and (tries < TRIES * count or not bodies):
        tries += 1
        body = _random_body(rng, side_px, factor=LENGTH_FACTORS[count - 1], spread=CENTRE_SPREAD[count - 1])
        if not body.head.fits(side_px):
            continue
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


def _random_body(rng: np.random.Generator, side_px: int, *, factor: float, spread: float) -> _Body:
    """Return a body near the middle of the image; `spread` is the standard deviation of its place in image sides."""
    half_length = factor * rng.uniform(*BODY_LENGTH) * side_px / 2
    radius = max(HEAD_RADIUS_MIN_PX, rng.uniform(*HEAD_RADIUS) * 2 * half_length)
    angle = rng.uniform(0, TURN)
    x, y = (0.5 + spread * rng.standard_normal(2)) * (side_px - 1)
    offset = rng.uniform(*HEAD_OFFSET) * half_length
    return _Body(
        x=x,
        y=y,
        half_length=half_length,
        half_width=half_length * rng.uniform(*BODY_ASPECT),
        angle=angle,
        head=Head(
            label=int(rng.integers(len(CLASSES))) + 1,
            x=x + offset * np.cos(angle),
            y=y + offset * np.sin(angle),
            radius=radius,
        ),
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


def _paint_distractors(rng: np.random.Generator, image: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Paint distractors; return bool (H, W), where one of them is seen."""
    side_px = len(image)
    seen = np.zeros(instances.shape, dtype=bool)
    for _ in range(rng.integers(DISTRACTOR_COUNT[0], DISTRACTOR_COUNT[1] + 1)):
        outline = DISTRACTOR_OUTLINES[rng.integers(len(DISTRACTOR_OUTLINES))](rng)
        radius = rng.uniform(*DISTRACTOR_SIZE) * side_px / 2
        angle = rng.uniform(0, TURN)
        places = rng.uniform(0.1, 0.9, size=(DISTRACTOR_TRIES, 2)) * side_px
        covers = [filled([outline], x, y, radius, angle, side_px) for x, y in places]
        free = [int((cover > 0.5)[instances == 0].sum()) for cover in covers]
        texture = DISTRACTOR_TEXTURES[rng.integers(len(DISTRACTOR_TEXTURES))]
        cover = covers[int(np.argmax(free))]
        blend(image, cover, textured(rng, texture, side_px, near=None, hue=rng.random()))
        seen |= (cover > 0.5) & (instances == 0)
    return seen


def _paint_detached_heads(rng: np.random.Generator, image: np.ndarray, instances: np.ndarray) -> None:
    side_px = len(image)
    for _ in range(rng.poisson(DETACHED_HEADS_MEAN)):
        for _ in range(TRIES):
            radius = max(HEAD_RADIUS_MIN_PX, rng.uniform(*DETACHED_RADIUS) * side_px)
            x, y = rng.uniform(radius, side_px - 1 - radius, size=2)
            head = Head(label=int(rng.integers(len(CLASSES))) + 1, x=x, y=y, radius=radius)
            if not instances[head.depth(side_px) > -2].any():  # with a gap, so that it does not seem to be on a body
                _paint_head(rng, image, head)
                break


def _paint_head(rng: np.random.Generator, image: np.ndarray, head: Head) -> None:
    look = LOOKS[CLASSES[head.label - 1]]
    tilt = rng.uniform(-HEAD_TILT, HEAD_TILT)
    blend(image, coverage(head.depth(len(image))), np.array(look.disc, dtype=np.float32))
    blend(image, filled(look.glyph, head.x, head.y, head.radius, tilt, len(image)), np.array(look.ink, np.float32))
