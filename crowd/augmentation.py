"""What a training picture goes through: other distances, other light, worse cameras, and nobody at all.

Everything is drawn from the random generator that is passed in, so that a seed repeats a run.
Pictures are uint8, height x width x 3, BGR.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.textures import empty_picture

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]
QUARTER_PX: Final = 4


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How far training pictures are changed. Scales are output pixels per source pixel.

    `empty_share` of the crops are drawn pictures of nobody; into `paste_share` of them goes a part of another.
    `grey_share` lose their colours, nobody's too: by night a camera sees infrared, and a network that never saw
    a hedge without its green takes it for a crowd.
    """

    crop_px: int
    scale_min: float
    scale_max: float
    empty_share: float = 0.12
    paste_share: float = 0.35
    light_share: float = 0.25
    damage_share: float = 0.15
    grey_share: float = 0.2


def vary(recipe: Recipe, times: float) -> Recipe:
    """The recipe with `times` the changes: distances by that power, light and damage that much oftener."""
    return msgspec.structs.replace(
        recipe,
        scale_min=recipe.scale_min**times,
        scale_max=recipe.scale_max**times,
        light_share=min(1.0, recipe.light_share * times),
        damage_share=min(1.0, recipe.damage_share * times),
    )


def draw_crop(
    picture: Picture, heads: Points, recipe: Recipe, random: np.random.Generator
) -> tuple[Picture, Points]:
    """One square training crop at a random distance, light and camera quality, with its heads."""
    without_colour = random.random() < recipe.grey_share
    if random.random() < recipe.empty_share:
        nobody = empty_picture(recipe.crop_px, random)
        return grey(nobody) if without_colour else nobody, np.empty((0, 2), np.float32)
    crop, points = _cut(picture, heads, recipe, random)
    if random.random() < 0.5:
        crop = crop[:, ::-1]
        points = points * (-1.0, 1.0) + (recipe.crop_px - 1.0, 0.0)
    if random.random() < recipe.light_share:
        crop = change_light(crop, random)
    if random.random() < recipe.damage_share:
        crop = damage(crop, random)
    if without_colour:
        crop = grey(crop)
    return np.ascontiguousarray(crop), points.astype(np.float32)


def paste(
    crop: tuple[Picture, Points], other: tuple[Picture, Points], random: np.random.Generator
) -> tuple[Picture, Points]:
    """The crop with a rectangle of the other in it, heads and all.

    Few hundred pictures have few hundred backgrounds, which a network learns by heart; put together
    they are as many as wanted, and a wall of leaves stands beside a crowd.
    """
    picture, points = crop[0].copy(), crop[1]
    side = picture.shape[0]
    wide, high = (int(side * share) for share in random.uniform(0.3, 0.75, 2))
    left, top = int(random.integers(side - wide + 1)), int(random.integers(side - high + 1))
    picture[top : top + high, left : left + wide] = other[0][top : top + high, left : left + wide]

    def within(places: Points) -> Any:
        low, far = (left - 0.5, top - 0.5), (left + wide - 0.5, top + high - 0.5)
        return np.all((places >= low) & (places < far), axis=1)

    kept = (points[~within(points)], other[1][within(other[1])])
    return picture, np.concatenate(kept).astype(np.float32)


def _cut(
    picture: Picture, heads: Points, recipe: Recipe, random: np.random.Generator
) -> tuple[Picture, Points]:
    """A window of the picture scaled to the crop; grey fills what a small picture lacks."""
    scale = math.exp(random.uniform(math.log(recipe.scale_min), math.log(recipe.scale_max)))
    height, width = picture.shape[:2]
    side = recipe.crop_px
    window = side / scale
    left = random.uniform(0, width - window) if width > window else (width - window) / 2
    top = random.uniform(0, height - window) if height > window else (height - window) / 2
    x_0, x_1 = max(0, round(left)), min(width, round(left + window))
    y_0, y_1 = max(0, round(top)), min(height, round(top + window))
    region = picture[y_0:y_1, x_0:x_1]
    size = (min(side, round((x_1 - x_0) * scale)), min(side, round((y_1 - y_0) * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = np.full((side, side, 3), 128, np.uint8)
    crop[: size[1], : size[0]] = cv2.resize(region, size, interpolation=method)
    points = (heads - (x_0, y_0)) * (size[0] / (x_1 - x_0), size[1] / (y_1 - y_0))
    inside = np.all((points >= 0) & (points < size), axis=1)
    return crop, points[inside].astype(np.float32)


def grey(picture: NDArray[Any]) -> Picture:
    """The picture without colours, as infrared or an old camera shows it."""
    return np.asarray(
        cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8
    )


def change_light(picture: Picture, random: np.random.Generator) -> Picture:
    """Other exposure, contrast, gamma and colour, down to a night scene."""
    levels = np.arange(256, dtype=np.float32) / 255
    night = random.random() < 0.12
    gain = random.uniform(0.15, 0.45) if night else random.uniform(0.65, 1.4)
    gamma = math.exp(random.uniform(-0.45, 0.45))
    offset = random.uniform(-0.1, 0.1) * (not night)
    curve = gain * levels**gamma + offset
    tints = random.uniform(0.85, 1.15, 3) if random.random() < 0.6 else np.ones(3)
    table = np.clip(curve[:, None] * tints * 255, 0, 255).astype(np.uint8)
    changed = cv2.LUT(picture, table.reshape(1, 256, 3))
    if night:
        return add_noise(changed, random.uniform(4, 14), random)
    return np.asarray(changed, np.uint8)


def add_noise(picture: NDArray[Any], strength: float, random: np.random.Generator) -> Picture:
    """Sensor noise with a standard deviation of `strength` grey levels.

    A random stretch of one fixed bank: drawing fresh noise would cost more than training on it.
    """
    bank = _noise_bank()
    start = int(random.integers(bank.size))
    noise = np.resize(bank, start + picture.size)[start:].reshape(picture.shape)
    noisy: NDArray[np.float32] = picture + noise * np.float32(strength)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@cache
def _noise_bank() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(1 << 18, dtype=np.float32)


def damage(picture: Picture, random: np.random.Generator) -> Picture:
    """What a cheap camera and a thin line do: noise, soft focus, hard compression, low resolution."""
    kind = random.integers(4)
    if kind == 0:
        return add_noise(picture, random.uniform(2, 14), random)
    if kind == 1:
        return cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.4)).astype(np.uint8)
    if kind == 2:
        quality = int(random.integers(18, 70))
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    side = picture.shape[0]
    less = round(side * random.uniform(0.5, 0.9))
    small = cv2.resize(picture, (less, less), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def density_target(points: Points, side_px: int) -> NDArray[np.float32]:
    """People per quarter of a cell (4 x 4 pixels), float32; the sum is the number of points exactly.

    Each head is shared among its four nearest quarters and then softened by about one, since marks are
    never exact to four pixels; the softening mirrors at the border, so that nobody is lost there. A target
    in cells of eight pixels would blur two far heads into one.
    """
    cells = side_px // QUARTER_PX
    target = np.zeros((cells, cells), np.float32)
    if len(points):
        place = np.clip((points + 0.5) / QUARTER_PX - 0.5, 0, cells - 1)
        base = np.minimum(place.astype(np.intp), cells - 2)
        part = place - base
        for right in (0, 1):
            for down in (0, 1):
                share_x = part[:, 0] if right else 1 - part[:, 0]
                share_y = part[:, 1] if down else 1 - part[:, 1]
                np.add.at(target, (base[:, 1] + down, base[:, 0] + right), share_x * share_y)
        soft = cv2.GaussianBlur(target, (7, 7), 1.08, borderType=cv2.BORDER_REFLECT)
        return soft.astype(np.float32)
    return target
