"""Rendered stills with marked heads, in the layout of the counting data sets: images/ and heads.csv."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike

from simulators.scenes.crowd import CrowdPlan
from simulators.scenes.people import Image
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Floats, Viewpoint

CROWDS_PER_PLACE = 4
SIZES = ((640, 360), (640, 360), (640, 360), (768, 432), (640, 480), (1024, 768))


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One rendered picture (H, W, 3) BGR and its visible heads (N, 2) in pixels."""

    pixels: Image
    heads: Floats


def stills(*, count: int, seed: int) -> Iterator[Still]:
    """`count` stills of ever other places, views, light, weather and crowds, from none to packed."""
    made = 0
    while made < count:
        rng = np.random.default_rng([seed, made])
        scene = _scene(rng)
        for crowd in range(min(CROWDS_PER_PLACE, count - made)):
            view = scene.with_crowd(_crowd(rng, scene)).at(float(rng.uniform(0, 8)))
            yield Still(pixels=_through_a_cheap_lens(rng, view.pixels), heads=view.heads)
            made += 1
            if crowd and made >= count:
                return


def write_scenes(out: Path, *, count: int, seed: int) -> int:
    """Writes `count` stills under `out` as images/*.jpg and heads.csv (image,x,y); returns the heads."""
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    heads = 0
    with (out / "heads.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["image", "x", "y"])
        for number, still in enumerate(stills(count=count, seed=seed)):
            name = f"scene-{seed}-{number:05d}.jpg"
            quality = int(np.random.default_rng([seed, number, 3]).integers(60, 96))
            if not cv2.imwrite(
                str(images / name), still.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality]
            ):
                raise OSError(f"cannot write {images / name}")
            table.writerows([name, f"{x:.1f}", f"{y:.1f}"] for x, y in still.heads)
            heads += len(still.heads)
    return heads


def _scene(rng: np.random.Generator) -> Scene:
    width, height = SIZES[int(rng.integers(0, len(SIZES)))]
    place = list(Place)[int(rng.integers(0, len(Place)))]
    mast = float(rng.uniform(3.2, 9.0))
    pitch = float(np.clip(rng.normal(27, 8) + (mast - 5) * 2, 10, 52))
    view = Viewpoint(
        width=width,
        height=height,
        view_deg=float(rng.uniform(45, 82)),
        mast_m=mast,
        pitch_deg=pitch,
    )
    half = {
        Place.STREET: (3, 9),
        Place.BRIDGE: (2.5, 6),
        Place.LAKESIDE: (3, 8),
        Place.PLAZA: (15, 40),
    }[place]
    night = rng.random() < 0.3
    setting = Setting(
        place=place,
        seed=int(rng.integers(0, 1 << 30)),
        half_width_m=float(rng.uniform(*half)),
        far_m=float(rng.uniform(14, 45)),
        night=bool(night),
        rain=bool(rng.random() < 0.15),
        sun=0.1 if night else float(rng.choice([0.05, 0.2, 0.6, 0.9])),
    )
    empty = CrowdPlan(people=0, seed=1)
    return Scene(
        view, setting, empty, cold=bool(rng.random() < 0.4), detail=1 if width > 800 else 2
    )


def _crowd(rng: np.random.Generator, scene: Scene) -> CrowdPlan:
    """A crowd between nobody and five people per m², never more than 500 in the picture."""
    density = 0.0 if rng.random() < 0.08 else float(np.exp(rng.uniform(np.log(0.02), np.log(4.5))))
    return CrowdPlan(
        people=min(density * scene.area_m2, 500.0),
        seed=int(rng.integers(0, 1 << 30)),
        direction_deg=float(rng.choice([0, 0, 90, rng.uniform(0, 180)])),
        standing_share=float(rng.uniform(0.05, 0.8)),
        opposing_share=float(rng.uniform(0, 0.5)),
    )


def _through_a_cheap_lens(rng: np.random.Generator, pixels: Image) -> Image:
    """Softness, contrast and the loss of a small sensor, as real cameras have them."""
    picture: MatLike = pixels
    height, width = picture.shape[:2]
    if rng.random() < 0.35:
        share = rng.uniform(0.5, 0.9)
        small = cv2.resize(
            picture, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA
        )
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.0))
    gain, offset = rng.uniform(0.75, 1.2), rng.uniform(-12, 22)
    return np.asarray(cv2.convertScaleAbs(np.clip(picture * gain + offset, 0, 255)), dtype=np.uint8)
