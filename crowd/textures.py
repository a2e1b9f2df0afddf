"""Pictures of nobody: what fools crowd counters, drawn by rule.

Walls, leaves, noise, lights at night and dead cameras look to a density network like small heads.
Training on them teaches it that repetition alone is not a crowd. uint8, side x side x 3, BGR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def empty_picture(side_px: int, random: np.random.Generator) -> Picture:
    """One picture without people, of a kind drawn at random."""
    picture = _one(side_px, random)
    if random.random() < 0.2:
        edge = int(side_px * random.uniform(0.2, 0.8))
        picture[edge:] = _one(side_px, random)[edge:]
    if random.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 2.5)).astype(np.uint8)
    return picture


def _one(side: int, random: np.random.Generator) -> Picture:
    draw = _DRAWN[random.integers(len(_DRAWN))]
    return KINDS[draw](side, random)


def _colour(random: np.random.Generator) -> NDArray[np.float32]:
    return random.uniform(10, 245, 3).astype(np.float32)


def _finish(picture: NDArray[np.float32], random: np.random.Generator) -> Picture:
    grain = random.uniform(0, 6)
    noise = random.standard_normal(picture.shape, dtype=np.float32) * grain
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _plain(side: int, random: np.random.Generator) -> Picture:
    """Black, white, one colour, or a slow gradient."""
    kind = random.integers(4)
    if kind == 0:
        return np.full((side, side, 3), random.integers(0, 12), np.uint8)
    if kind == 1:
        return np.full((side, side, 3), random.integers(243, 256), np.uint8)
    first, last = _colour(random), _colour(random)
    share = np.linspace(0, 1, side, dtype=np.float32)[:, None, None] * (kind == 3)
    picture = np.broadcast_to(first * (1 - share) + last * share, (side, side, 3))
    return _finish(picture.astype(np.float32), random)


def _noise(side: int, random: np.random.Generator) -> Picture:
    """Sensor or static noise of any grain."""
    grain = int(random.choice((1, 1, 2, 3, 4, 6, 8)))
    channels = int(random.choice((1, 3)))
    cells = -(-side // grain)
    coarse = random.normal(
        random.uniform(60, 190), random.uniform(15, 80), (cells, cells, channels)
    )
    fine = np.repeat(np.repeat(coarse, grain, axis=0), grain, axis=1)[:side, :side]
    return np.clip(np.broadcast_to(fine, (side, side, 3)), 0, 255).astype(np.uint8)


def _clouds(side: int, random: np.random.Generator) -> Picture:
    """Smooth blotches of several sizes: sky, water, plaster, tarmac."""
    field = np.zeros((side, side), np.float32)
    steepness = random.uniform(0.4, 0.9)
    for octave in range(1, 8):
        cells = min(side, 2**octave)
        layer = random.standard_normal((cells, cells), dtype=np.float32)
        field += steepness**octave * cv2.resize(layer, (side, side), interpolation=cv2.INTER_CUBIC)
    field = (field - field.min()) / (np.ptp(field) + 1e-6)
    first, last = _colour(random), _colour(random)
    return _finish(first + field[:, :, None] * (last - first), random)


def _bricks(side: int, random: np.random.Generator) -> Picture:
    """A wall: rows of bricks, each of its own shade, with joints."""
    high = int(random.integers(6, 40))
    wide = int(high * random.uniform(1.2, 3))
    joint = int(random.integers(1, max(2, high // 5) + 1))
    base, spread = _colour(random), random.uniform(4, 35)
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = base * random.uniform(0.4, 1.5)
    for row in range(side // high + 1):
        shift = (row % 2) * wide // 2
        for left in range(-shift, side, wide):
            shade = base + random.normal(0, spread)
            top = row * high
            picture[top : top + high - joint, max(0, left) : max(0, left + wide - joint)] = shade
    return _turn(_finish(picture, random), random)


def _leaves(side: int, random: np.random.Generator) -> Picture:
    """Foliage, gravel or flowers: hundreds of small blobs over a darker ground."""
    size = random.uniform(2, 14)
    base = _colour(random)
    if random.random() < 0.6:
        base = np.array((random.uniform(10, 80), random.uniform(60, 160), random.uniform(20, 110)))
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = np.clip(base * random.uniform(0.1, 0.7), 0, 255)
    number = int(min(2500, 1.5 * (side / size) ** 2))
    places = random.integers(0, side, (number, 2))
    axes = np.maximum(1, random.uniform(0.4, 1.4, (number, 2)) * size).astype(int)
    shades = np.clip(
        base * random.uniform(0.5, 1.5, (number, 1)) + random.normal(0, 12, (number, 3)), 0, 255
    )
    angles = random.uniform(0, 360, number)
    for place, axis, shade, angle in zip(places, axes, shades, angles, strict=True):
        cv2.ellipse(
            picture,
            (int(place[0]), int(place[1])),
            (int(axis[0]), int(axis[1])),
            float(angle),
            0,
            360,
            tuple(float(value) for value in shade),
            -1,
        )
    return _finish(picture.astype(np.float32), random)


def _grass(side: int, random: np.random.Generator) -> Picture:
    """Blades, twigs or reeds: short strokes that lean one way."""
    base, lean = _colour(random), random.uniform(0, np.pi)
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = np.clip(base * random.uniform(0.3, 1.0), 0, 255)
    number = int(random.integers(200, 1500))
    starts = random.integers(0, side, (number, 2))
    angles = lean + random.normal(0, random.uniform(0.1, 0.9), number)
    lengths = random.uniform(4, random.uniform(8, 50), number)
    ends = starts + (np.stack((np.cos(angles), np.sin(angles)), 1) * lengths[:, None]).astype(int)
    shades = np.clip(base * random.uniform(0.5, 1.6, (number, 1)), 0, 255)
    for start, end, shade in zip(starts.tolist(), ends.tolist(), shades.tolist(), strict=True):
        cv2.line(picture, start, end, shade, int(random.integers(1, 4)), cv2.LINE_AA)
    return _finish(picture.astype(np.float32), random)


def _pebbles(side: int, random: np.random.Generator) -> Picture:
    """Gravel, cobbles, fruit or balls: round things with a lit and a dark side, as heads have."""
    size = random.uniform(2.5, 14)
    ground, base = _colour(random), _colour(random)
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = np.clip(ground * random.uniform(0.2, 0.9), 0, 255)
    lit = random.normal(0, 0.35, 2) * size
    number = int(min(1500, random.uniform(0.2, 1.2) * (side / size) ** 2))
    for place in random.integers(0, side, (number, 2)):
        shade = np.clip(base * random.uniform(0.5, 1.4) + random.normal(0, 15, 3), 0, 255)
        radius = max(1, int(size * random.uniform(0.5, 1.1)))
        cv2.circle(picture, place.tolist(), radius, (shade * 0.6).tolist(), -1, cv2.LINE_AA)
        middle = (place + lit).astype(int).tolist()
        cv2.circle(picture, middle, max(1, radius * 2 // 3), shade.tolist(), -1, cv2.LINE_AA)
    return _finish(picture.astype(np.float32), random)


def _stripes(side: int, random: np.random.Generator) -> Picture:
    """Fences, blinds, steps and grids."""
    period = random.uniform(4, 50)
    angle = random.uniform(0, np.pi)
    across, down = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    wave = np.sin(2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / period)
    if random.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * (down * np.cos(angle) - across * np.sin(angle)) / period)
    sharp = np.tanh(wave * random.uniform(0.5, 8)) * 0.5 + 0.5
    first, last = _colour(random), _colour(random)
    return _finish(first + sharp[:, :, None].astype(np.float32) * (last - first), random)


def _night_lights(side: int, random: np.random.Generator) -> Picture:
    """Lamps, headlights and their reflections on a dark street."""
    picture = np.full((side, side, 3), random.uniform(2, 35), np.float32)
    for _ in range(int(random.integers(3, 60))):
        place = (int(random.integers(side)), int(random.integers(side)))
        shade = tuple(float(value) for value in random.uniform(90, 255, 3))
        cv2.circle(picture, place, int(random.integers(1, 7)), shade, -1)
    soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.6, 4))
    return _finish(np.maximum(picture * random.uniform(0, 1), soft).astype(np.float32), random)


def _paving(side: int, random: np.random.Generator) -> Picture:
    """An empty square seen at an angle: slabs that shrink into the distance."""
    slab = int(random.integers(12, 60))
    tiles = -(-2 * side // slab)
    shades = random.normal(random.uniform(70, 190), random.uniform(2, 16), (tiles, tiles, 1))
    flat = np.kron(shades, np.ones((slab, slab, 1)))[: 2 * side, : 2 * side].astype(np.float32)
    flat[::slab] *= random.uniform(0.5, 1.1)
    flat[:, ::slab] *= random.uniform(0.5, 1.1)
    ground = np.repeat(flat, 3, axis=2) * random.uniform(0.85, 1.15, 3).astype(np.float32)
    far = random.uniform(0.5, 0.95) * side
    corners = np.array([[0, 0], [2 * side, 0], [2 * side, 2 * side], [0, 2 * side]], np.float32)
    seen = np.array(
        [[side / 2 - far / 2, 0], [side / 2 + far / 2, 0], [side * 1.6, side], [-side * 0.6, side]],
        np.float32,
    )
    turn = cv2.getPerspectiveTransform(corners, seen)
    view = cv2.warpPerspective(ground, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    return _finish(view.astype(np.float32), random)


def _turn(picture: Picture, random: np.random.Generator) -> Picture:
    """The same pattern at a random angle."""
    side = picture.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), random.uniform(-45, 45), 1.2)
    turned = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
    return turned.astype(np.uint8)


KINDS: Final[dict[str, Callable[[int, np.random.Generator], Picture]]] = {
    "plain": _plain,
    "noise": _noise,
    "clouds": _clouds,
    "bricks": _bricks,
    "leaves": _leaves,
    "grass": _grass,
    "pebbles": _pebbles,
    "stripes": _stripes,
    "night lights": _night_lights,
    "paving": _paving,
}

# What deceived the networks before these most is drawn twice as often.
_DRAWN: Final = (
    *("plain", "noise", "noise", "clouds", "bricks", "leaves", "leaves", "grass", "grass"),
    *("pebbles", "stripes", "stripes", "night lights", "paving"),
)
