"""Bins, lamp posts, trees and lanterns at the edges: what a counter must not take for people."""

import cv2
import numpy as np

from simulators.scenes.people import SUBPIXEL_BITS, Image
from simulators.scenes.place import Place, Setting
from simulators.scenes.viewpoint import Floats, Viewpoint

LANTERN_HEIGHT_M = 2.9


def furnish(canvas: Image, view: Viewpoint, *, setting: Setting, rng: np.random.Generator) -> None:
    """Draws two to seven things and perhaps two rows of lanterns into an empty place."""
    spots = []
    for _ in range(int(rng.integers(2, 8))):
        side = rng.choice([-1.0, 1.0])
        x_m = side * (setting.half_width_m + rng.uniform(-0.3, 0.25))
        spots.append((x_m, rng.uniform(3, setting.far_m)))
    for spot in sorted(spots, key=lambda each: -each[1]):
        (_tree, _bin, _lamp)[int(rng.integers(0, 3))](canvas, view, spot, rng)
    if setting.night or rng.random() < 0.4:
        _lanterns(canvas, view, setting, rng)


def _box(
    canvas: Image,
    view: Viewpoint,
    spot: tuple[float, float],
    *,
    half_m: float,
    span_m: tuple[float, float],
    colour: Floats,
) -> None:
    """An upright rectangle facing the camera, from span_m[0] to span_m[1] above the ground."""
    (x_m, y_m), (low, high) = spot, span_m
    corners = [
        [x_m + side * half_m, y_m, up] for side, up in ((-1, low), (1, low), (1, high), (-1, high))
    ]
    pixels, depth = view.project(np.array(corners))
    if depth.min() > 0.5:
        shifted = np.clip(pixels * (1 << SUBPIXEL_BITS), -1e6, 1e6).astype(np.int32)
        cv2.fillConvexPoly(canvas, shifted, colour.tolist(), cv2.LINE_AA, SUBPIXEL_BITS)


def _bin(
    canvas: Image, view: Viewpoint, spot: tuple[float, float], rng: np.random.Generator
) -> None:
    colour = rng.uniform(30, 150, 3)
    beside = (spot[0] + 0.1, spot[1])
    _box(canvas, view, spot, half_m=0.3, span_m=(0, 0.9), colour=colour)
    _box(canvas, view, beside, half_m=0.2, span_m=(0.05, 0.85), colour=colour * 1.2)
    _box(canvas, view, spot, half_m=0.32, span_m=(0.9, 1.0), colour=colour * 0.6)


def _lamp(
    canvas: Image, view: Viewpoint, spot: tuple[float, float], rng: np.random.Generator
) -> None:
    tall = rng.uniform(3.6, 4.8)
    _box(canvas, view, spot, half_m=0.06, span_m=(0, tall), colour=np.array([50.0, 52, 50]))
    _box(
        canvas,
        view,
        spot,
        half_m=0.25,
        span_m=(tall, tall + 0.4),
        colour=np.array([200.0, 226, 236]),
    )


def _tree(
    canvas: Image, view: Viewpoint, spot: tuple[float, float], rng: np.random.Generator
) -> None:
    _box(canvas, view, spot, half_m=0.14, span_m=(0, 3.0), colour=np.array([52.0, 66, 78]))
    centre, depth = view.project(np.array([[*spot, rng.uniform(3.4, 4.6)]]))
    if float(depth[0]) < 2:
        return
    radius = rng.uniform(0.9, 1.8) * view.focal_px / float(depth[0])
    for _ in range(260):
        leaf = centre[0] + rng.normal(0, 0.45, 2) * radius
        green = np.array([40.0, 78, 56]) * rng.uniform(0.45, 1.5)
        size = max(int(radius * rng.uniform(0.04, 0.11)), 1)
        cv2.circle(canvas, (int(leaf[0]), int(leaf[1])), size, green.tolist(), -1, cv2.LINE_AA)


def _lanterns(canvas: Image, view: Viewpoint, setting: Setting, rng: np.random.Generator) -> None:
    edge = setting.half_width_m if setting.place is not Place.PLAZA else 8.0
    for y_m in np.arange(4.0, setting.far_m, rng.uniform(2.5, 5.0)):
        for x_m in (-edge, edge):
            centre, depth = view.project(np.array([[x_m, y_m, LANTERN_HEIGHT_M]]))
            if float(depth[0]) < 1.5:
                continue
            size = 0.22 * view.focal_px / float(depth[0])
            middle = (int(centre[0, 0]), int(centre[0, 1]))
            for wide, tall, colour in ((1.0, 1.1, (36, 40, 205)), (0.45, 0.9, (70, 90, 240))):
                axes = (max(int(size * wide), 1), max(int(size * tall), 1))
                cv2.ellipse(canvas, middle, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
