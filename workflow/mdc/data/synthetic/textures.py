"""What scenes are drawn with: the glyphs of the classes, the outlines of distractors, textures, and how to paint them.

A cover is the share of each pixel inside a shape; colours are RGB from 0 to 255.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

PERIOD = (0.07, 0.14)  # of a texture, in image sides: visible after two poolings, and several times on a body
TEXTURE_CONTRAST = (0.18, 0.4)  # brightness between a texture's two colours
LOW_CONTRAST = 22.0  # grey levels by which the colours of a texture `near` another lie above and below that one
SUBPIXEL_BITS = 4  # outlines are placed to a sixteenth of a pixel
TURN = 2 * np.pi


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
class Look:
    """A class's head: RGB colours of its disc and its glyph, and the glyph's outlines in the unit disc, y down."""

    disc: tuple[int, int, int]
    ink: tuple[int, int, int]
    glyph: list[np.ndarray]


_WHITE, _BLACK = (255, 255, 255), (15, 15, 15)
_BOLT = [(0.3, -0.8), (-0.55, 0.15), (-0.05, 0.15), (-0.3, 0.8), (0.55, -0.15), (0.05, -0.15)]
_ARROW = [(0, -0.75), (0.65, 0), (0.22, 0), (0.22, 0.7), (-0.22, 0.7), (-0.22, 0), (-0.65, 0)]
_MOON = [_arc(0.75, start=0.9, stop=TURN - 0.9), _arc(0.61, start=TURN - 1.295, stop=1.295, x=0.3)]  # two shared horns
# Colour and glyph both tell, and classes of similar hue differ in ink.
LOOKS = {
    "heart": Look((215, 30, 40), _WHITE, [_heart()]),
    "bolt": Look((250, 215, 20), _BLACK, [np.array(_BOLT)]),
    "ring": Look((20, 150, 60), _WHITE, [_arc(0.7), _arc(0.36)]),
    "arrow": Look((40, 210, 225), _BLACK, [np.array(_ARROW)]),
    "moon": Look((45, 60, 200), _WHITE, [np.concatenate(_MOON)]),
    "cross": Look((225, 60, 205), _BLACK, [_cross(0.2, 0.72)]),
}


def _blob(rng: np.random.Generator) -> np.ndarray:
    angle = np.linspace(0, TURN, 48, endpoint=False)
    radius = 0.8 + sum(rng.uniform(-0.15, 0.15) * np.cos(k * angle + rng.uniform(0, TURN)) for k in (2, 3, 5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _rectangle(rng: np.random.Generator) -> np.ndarray:
    return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (0.95, rng.uniform(0.45, 0.8))


DISTRACTOR_OUTLINES: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    _blob,
    _rectangle,
    lambda rng: _star(5, 0.5),
    lambda rng: 1.15 * _star(3, 0.5),  # a triangle
    lambda rng: _cross(0.38, 1.0),
)


def pixel_grid(side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the column and row of each pixel, as float32 arrays that broadcast to (H, W)."""
    position = np.arange(side_px, dtype=np.float32)
    return position[None, :], position[:, None]


def turned_grid(side_px: int, angle: float, x0: float = 0.0, y0: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates, float32 (H, W) each, along and across direction `angle` from (x0, y0)."""
    x, y = pixel_grid(side_px)
    x, y = x - np.float32(x0), y - np.float32(y0)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def coverage(depth: np.ndarray) -> np.ndarray:
    """Return the share of each pixel inside an outline, float32 (H, W) in [0, 1], from its depth in pixels."""
    return np.clip(depth + np.float32(0.5), 0, 1)


def filled(outlines: list[np.ndarray], x: float, y: float, radius: float, angle: float, side_px: int) -> np.ndarray:
    """Return the share of each pixel inside `outlines` (unit size) placed at (x, y): float32 (H, W) in [0, 1]."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed = [np.rint((outline @ turn * radius + (x, y)) * 2**SUBPIXEL_BITS).astype(np.int32) for outline in outlines]
    cover = np.zeros((side_px, side_px), dtype=np.uint8)
    cv2.fillPoly(cover, placed, color=255, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
    return cover.astype(np.float32) / 255


def blend(image: np.ndarray, cover: np.ndarray, colours: np.ndarray) -> None:
    """Paint `colours`, (3,) or (H, W, 3), over float32 `image` (H, W, 3) where `cover` (H, W) is above 0."""
    x, y, width, height = cv2.boundingRect((cover > 0).view(np.uint8))
    box = np.s_[y : y + height, x : x + width]  # most covers are small: this saves a quarter of a scene's time
    image[box] += cover[box][..., None] * ((colours[box] if colours.ndim == 3 else colours) - image[box])


def colour(hue: float, saturation: float, brightness: float) -> np.ndarray:
    """Return an RGB colour, float32 (3,), from shares in [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(hue, saturation, brightness), dtype=np.float32) * 255


def noise(rng: np.random.Generator, side_px: int, cells: int) -> np.ndarray:
    """Return smooth noise of spread about 1 and `cells` bumps along a side: float32 (H, W)."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


Texture = Callable[[np.ndarray, np.ndarray], np.ndarray]


def textured(
    rng: np.random.Generator, texture: Texture, side_px: int, *, near: np.ndarray | None, hue: float
) -> np.ndarray:
    """Return a texture in two colours of `hue` (0..1), or in two colours `near` one: float32 (H, W, 3)."""
    u, v = turned_grid(side_px, rng.uniform(0, TURN))
    scale = np.float32(TURN / (rng.uniform(*PERIOD) * side_px))
    phase_u, phase_v = rng.uniform(0, TURN, size=2).astype(np.float32)
    if near is None:
        # Duller than any head, so that heads stay the surest evidence.
        saturation, brightness = rng.uniform(0.15, 0.55), rng.uniform(0.45, 0.95)
        darker = brightness - rng.uniform(*TEXTURE_CONTRAST)
        first, second = colour(hue, saturation, brightness), colour(hue, saturation, darker)
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


BODY_TEXTURES: tuple[Texture, ...] = (_stripes, _spots)
DISTRACTOR_TEXTURES: tuple[Texture, ...] = (_check, _lines, _wave, _gradient, _mottle)
