"""One rendered scene: a view, a place and a crowd; gives pictures and what is truly in them."""

from copy import copy
from dataclasses import dataclass, replace

import cv2
import numpy as np
from cv2.typing import MatLike

from simulators.scenes.crowd import Crowd, CrowdPlan
from simulators.scenes.looks import looks_by_number
from simulators.scenes.people import (
    SUBPIXEL_BITS,
    Image,
    Light,
    draw_people,
    shadow_corners,
    uncovered,
)
from simulators.scenes.place import Setting
from simulators.scenes.setting import Stage, noise
from simulators.scenes.viewpoint import Floats, Viewpoint, area_m2

SHARPEN_PX = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One rendered picture and its truth.

    pixels (H, W, 3) BGR; heads (N, 2) picture x, y of heads in the picture that nothing hides;
    places (M, 2) camera-frame metres of everybody whose head falls into the picture, hidden or not.
    """

    pixels: Image
    heads: Floats
    places: Floats


class Scene:
    """Renders a crowd in a place, at any instant of its loop; the same seeds give the same pictures."""

    def __init__(
        self,
        view: Viewpoint,
        setting: Setting,
        plan: CrowdPlan,
        *,
        cold: bool = False,
        detail: int = 2,
    ) -> None:
        self.view, self.setting = view, setting
        self._cold = cold
        self._large = replace(view, width=view.width * detail, height=view.height * detail)
        self._smooth = detail == 1
        rng = np.random.default_rng([setting.seed, 29])
        empty = Stage(setting, self._large).paint()
        self._empty = empty
        strength = 0.9 - 0.42 * setting.sun if not setting.night else 0.8
        self._shaded = cv2.convertScaleAbs(empty, alpha=strength)
        length = rng.uniform(0.5, 1.6) if setting.sun > 0.3 and not setting.night else 0.12
        turn = rng.uniform(0, 2 * np.pi)
        self._shadow = length * np.array([np.cos(turn), np.sin(turn)])
        self._light = Light(
            side=-float(np.cos(turn)), hardness=setting.sun, gain=float(rng.uniform(0.92, 1.06))
        )
        self._glow, self._lit = self._make_light(rng)
        self._grain = self._make_grain(rng)
        self._weave = self._make_weave(rng)
        self._sharpness = float(rng.uniform(0.8, 1.5))
        self._tint = np.array([rng.uniform(0.94, 1.06), 1.0, rng.uniform(0.94, 1.06)])
        self._drops = rng.uniform(0, 1, (260, 3))
        self._people(plan)

    def _people(self, plan: CrowdPlan) -> None:
        self.plan = plan
        setting = self.setting
        self.crowd = Crowd(plan, self.view, half_width_m=setting.half_width_m, far_m=setting.far_m)
        self._looks = looks_by_number(self.crowd.numbers, cold=self._cold)
        self._index = {int(number): index for index, number in enumerate(self.crowd.numbers)}

    def with_crowd(self, plan: CrowdPlan) -> "Scene":
        """The same camera over the same place with other people; far cheaper than a new scene."""
        other = copy(self)
        other._people(plan)  # noqa: SLF001 - a copy of this very object
        return other

    @property
    def area_m2(self) -> float:
        """Ground on which people stand whose heads are in the picture."""
        return area_m2(self.crowd.outline)

    def at(self, t_s: float) -> View:
        """The picture and the truth `t_s` seconds into the loop."""
        people = self.crowd.at(t_s)
        looks = self._looks.of(
            np.array([self._index[int(who)] for who in people.who], dtype=np.int64)
        )
        canvas = self._empty.copy()
        if len(people.place):
            mask = np.zeros(canvas.shape[:2], dtype=np.uint8)
            for corners in shadow_corners(self._large, people, looks, self._shadow):
                cv2.fillPoly(mask, [corners], 255, cv2.LINE_8, SUBPIXEL_BITS)
            cv2.copyTo(self._shaded, mask, canvas)
        bare = canvas.copy()
        centres = draw_people(canvas, self._large, people, looks, self._light, smooth=self._smooth)
        canvas = self._clothe(canvas, bare)
        size = (self.view.width, self.view.height)
        small = canvas if self._smooth else cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
        pixels = self._weather(self._sharpen(small), t_s)
        heads = centres * (self.view.width / self._large.width)
        inside = ((heads >= 0) & (heads < size)).all(axis=1)
        seen = inside & uncovered(self.view, people, looks)
        return View(pixels=pixels, heads=heads[seen], places=people.place[inside])

    def _clothe(self, canvas: Image, bare: Image) -> Image:
        """Folds and weave where people were drawn: flat colours are what a counter never met."""
        drawn = cv2.absdiff(canvas, bare).max(axis=2)
        worn = cv2.multiply(canvas, self._weave, scale=1 / 128)
        cv2.copyTo(worn, drawn, canvas)
        return canvas

    def _sharpen(self, picture: MatLike) -> MatLike:
        """What every camera does to its picture before it codes it."""
        soft = cv2.GaussianBlur(picture, (0, 0), SHARPEN_PX * self.view.width / 640)
        return cv2.addWeighted(picture, 1 + self._sharpness, soft, -self._sharpness, 0)

    def truth_at(self, t_s: float) -> tuple[int, Floats]:
        """People visible at an instant and everybody's places, without drawing."""
        people = self.crowd.at(t_s)
        looks = self._looks.of(
            np.array([self._index[int(who)] for who in people.who], dtype=np.int64)
        )
        points = np.column_stack([people.place, looks.height_m * 0.932])
        pixels = self.view.project(points)[0]
        inside = ((pixels >= 0) & (pixels < (self.view.width, self.view.height))).all(axis=1)
        return int((inside & uncovered(self.view, people, looks)).sum()), people.place[inside]

    def _make_light(self, rng: np.random.Generator) -> tuple[Image | None, Image | None]:
        """At night: what lamps leave of the picture (multiplied) and what they add (glare)."""
        height, width = self.view.height, self.view.width
        if not self.setting.night:
            return None, None
        light = np.full((height, width), rng.uniform(0.4, 0.62), dtype=np.float64)
        glare = np.zeros((height, width, 3), dtype=np.float64)
        columns, rows = np.meshgrid(np.arange(width), np.arange(height))
        for _ in range(int(rng.integers(5, 11))):
            x_m = rng.uniform(-1.2, 1.2) * self.setting.half_width_m
            y_m = rng.uniform(2, self.setting.far_m)
            pixels, depth = self.view.project(np.array([[x_m, y_m, 0.8], [x_m, y_m, 3.4]]))
            reach = 4.5 * self.view.focal_px / float(depth[0])
            gap = ((columns - pixels[0, 0]) / reach) ** 2 + (
                (rows - pixels[0, 1]) / (0.6 * reach)
            ) ** 2
            light += rng.uniform(0.25, 0.6) * np.exp(-gap)
            if rng.random() < 0.5:
                spot = 0.35 * self.view.focal_px / float(depth[1])
                gap = ((columns - pixels[1, 0]) ** 2 + (rows - pixels[1, 1]) ** 2) / (
                    3 * spot**2 + 1
                )
                glare += 160 * np.exp(-gap)[..., None] * np.array([0.55, 0.8, 1.0])
        warm = np.clip(light, 0, 1.15)[..., None] * np.array([0.78, 0.92, 1.06])
        return np.clip(warm * 160, 0, 255).astype(np.uint8), np.clip(glare, 0, 255).astype(np.uint8)

    def _make_weave(self, rng: np.random.Generator) -> Image:
        """Light and dark of cloth, 128 being neutral: coarse folds and a fine pattern."""
        height, width = self._large.height, self._large.width
        unit = max(width // 320, 1)
        folds = noise(rng, height, width, cell=3 * unit, octaves=2)
        fine = rng.standard_normal((height, width))
        grey = np.clip(128 * (1 + 0.26 * folds + 0.1 * fine), 40, 250).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)

    def _make_grain(self, rng: np.random.Generator) -> list[Image]:
        strength = rng.uniform(2.0, 4.0) if self.setting.night else rng.uniform(0.8, 2.0)
        shape = (self.view.height, self.view.width, 3)
        return [
            np.clip(np.abs(rng.normal(0, strength, shape)), 0, 30).astype(np.uint8)
            for _ in range(4)
        ]

    def _weather(self, pixels: MatLike, t_s: float) -> Image:
        picture = pixels
        if self._glow is not None and self._lit is not None:
            picture = cv2.add(cv2.multiply(picture, self._glow, scale=1 / 160), self._lit)
        picture = cv2.multiply(picture, np.array([*self._tint, 1.0]))
        if self.setting.rain:
            picture = cv2.convertScaleAbs(picture, alpha=0.8, beta=22)
            height, width = picture.shape[:2]
            fallen = np.mod(self._drops[:, 1] + t_s * 3 + self._drops[:, 2], 1.0)
            for column, row in zip(self._drops[:, 0] * width, fallen * height, strict=True):
                end = (int(column) + 2, int(row) + height // 24)
                cv2.line(picture, (int(column), int(row)), end, (190, 188, 186), 1)
        step = int(t_s * 25)
        picture = cv2.add(picture, self._grain[step % 4])
        return np.asarray(
            cv2.subtract(picture, self._grain[(step * 7 + 1) % 4][::-1, ::-1]), dtype=np.uint8
        )
