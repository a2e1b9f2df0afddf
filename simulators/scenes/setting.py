"""The empty place: paving in perspective, facades, water, trees, lanterns, day and night."""

from math import radians

import cv2
import numpy as np

from simulators.scenes.furniture import furnish
from simulators.scenes.people import Image
from simulators.scenes.place import Place, Setting
from simulators.scenes.viewpoint import Floats, Viewpoint


def noise(
    rng: np.random.Generator, height: int, width: int, *, cell: int, octaves: int = 4
) -> Floats:
    """Cloudy texture (height, width) in about -1 … 1, its coarsest grain `cell` pixels wide."""
    total = np.zeros((height, width), dtype=np.float32)
    weight = 1.0
    for octave in range(octaves):
        step = max(cell >> octave, 1)
        grid = rng.standard_normal((height // step + 2, width // step + 2)).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= 0.55
    return np.asarray(total / 1.6, dtype=np.float64)


class Stage:
    """Paints the empty place at a view's size."""

    def __init__(self, setting: Setting, view: Viewpoint) -> None:
        self.setting, self.view = setting, view
        self.rng = np.random.default_rng([setting.seed, 5])
        self.height, self.width = view.height, view.width
        columns, rows = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        self.pixels = np.stack([columns, rows], axis=-1)
        self.ground = view.on_plane(self.pixels)

    def paint(self) -> Image:
        """The daylight picture (H, W, 3) BGR without people, before light and weather."""
        picture = self._paving()
        self._verges(picture)
        picture = self._far_wall(picture)
        for side in (-1.0, 1.0):
            picture = self._side(picture, side)
        canvas: Image = np.clip(picture, 0, 255).astype(np.uint8)
        furnish(canvas, self.view, setting=self.setting, rng=self.rng)
        return canvas

    def _paving(self) -> Floats:
        rng, ground = self.rng, self.ground
        tone = (
            np.array([rng.uniform(88, 150)] * 3) + rng.normal(0, 7, 3) + np.array([-4.0, 0.0, 5.0])
        )
        tile = rng.choice([0.4, 0.6, 0.8, 1.2])
        turn = rng.choice([0.0, 0.0, radians(45), rng.uniform(0, 1.5)])
        across = ground[..., 0] * np.cos(turn) + ground[..., 1] * np.sin(turn)
        along = ground[..., 1] * np.cos(turn) - ground[..., 0] * np.sin(turn)
        row = np.floor(along / tile)
        across = across + (row % 2) * tile / 2 * rng.integers(0, 2)
        column = np.floor(across / tile)
        lot = np.mod(np.sin(row * 12.9898 + column * 78.233) * 43758.5453, 1.0)
        pixel_m = ground[..., 1] ** 2 / (self.view.focal_px * self.view.mast_m) + 0.01
        joint_m = np.maximum(0.018, 0.5 * pixel_m)
        fade = np.clip(1.5 - pixel_m / tile * 3.0, 0, 1)
        seam = (np.mod(along, tile) < joint_m) | (np.mod(across, tile) < joint_m)
        shade = (
            1 + (lot - 0.5) * rng.uniform(0.04, 0.2) * fade - seam * rng.uniform(0.1, 0.35) * fade
        )
        shade *= 1 + 0.05 * noise(rng, self.height, self.width, cell=self.width // 5)
        shade *= 1 + 0.025 * noise(rng, self.height, self.width, cell=4, octaves=2)
        stain = noise(rng, 256, 256, cell=64)
        map_x = np.mod(ground[..., 0] * 6 + 128, 255).astype(np.float32)
        map_y = np.mod(ground[..., 1] * 6, 255).astype(np.float32)
        shade *= 1 - 0.08 * np.clip(
            cv2.remap(stain.astype(np.float32), map_x, map_y, cv2.INTER_LINEAR), 0, 2
        )
        if rng.random() < 0.3:
            band = np.abs(np.mod(ground[..., 0] + rng.uniform(0, 4), rng.uniform(3, 6))) < 0.35
            shade = np.where(band, shade * rng.uniform(0.7, 1.25), shade)
        paving: Floats = tone * shade[..., None]
        return paving

    def _verges(self, picture: Floats) -> None:
        """What lies beside the walkable ground: water by a bridge or lake, planting elsewhere."""
        rng, half = self.rng, self.setting.half_width_m
        outside = np.abs(self.ground[..., 0]) > half
        if self.setting.place is Place.LAKESIDE:
            outside = self.ground[..., 0] > half
        if not outside.any():
            return
        wet = self.setting.place in (Place.BRIDGE, Place.LAKESIDE)
        colour = np.array([96, 92, 70] if wet else [52, 92, 70]) * rng.uniform(0.7, 1.25)
        grain = noise(rng, self.height // 4, self.width, cell=self.width // 16)
        ripple = (
            cv2.resize(grain, (self.width, self.height))
            if wet
            else noise(rng, self.height, self.width, cell=12)
        )
        picture[outside] = (colour * (1 + (0.12 if wet else 0.3) * ripple)[..., None])[outside]

    def _wall_pattern(self, along: Floats, up: Floats, hue: Floats) -> Floats:
        """A facade: storeys, windows, a row of signs and a dark ground floor of shops."""
        rng = self.rng
        bay, storey = rng.uniform(1.6, 3.2), rng.uniform(2.8, 3.6)
        cell_x, cell_z = np.floor(along / bay), np.floor(up / storey)
        lot = np.mod(np.sin(cell_x * 91.7 + cell_z * 37.3 + rng.uniform(0, 9)) * 9283.1, 1.0)
        in_x, in_z = np.mod(along, bay) / bay, np.mod(up, storey) / storey
        window = (np.abs(in_x - 0.5) < rng.uniform(0.25, 0.4)) & (np.abs(in_z - 0.55) < 0.28)
        wall = np.broadcast_to(hue, (*along.shape, 3)) * (1 + 0.04 * (lot - 0.5))[..., None]
        glass = np.stack([60 + 60 * lot, 50 + 50 * lot, 44 + 46 * lot], axis=-1)
        wall = np.where(window[..., None], glass, wall)
        sign = (up > 2.6) & (up < 3.3)
        hues = np.array(
            [
                (40, 40, 190),
                (40, 150, 210),
                (150, 80, 40),
                (60, 120, 60),
                (190, 190, 195),
                (40, 40, 44),
            ],
            dtype=float,
        )
        chosen = hues[(lot * len(hues)).astype(int) % len(hues)]
        stroke = (np.mod(along * 3.1, 1.0) < 0.55) & (np.abs(up - 2.95) < 0.2) & (lot > 0.3)
        signs = np.where(stroke[..., None], 255 - chosen * 0.6, chosen)
        wall = np.where(sign[..., None], signs, wall)
        frame = (np.mod(along, bay) < 0.15) | (up < 0.3)
        return np.where((up < 2.6)[..., None] & ~frame[..., None], glass * 0.75, wall)

    def _far_wall(self, picture: Floats) -> Floats:
        view, rng, far = self.view, self.rng, self.setting.far_m + 0.6
        pitch = radians(view.pitch_deg)
        below = (self.pixels[..., 1] - view.height / 2) / view.focal_px
        ahead, fall = np.cos(pitch) - below * np.sin(pitch), np.sin(pitch) + below * np.cos(pitch)
        reach = far / np.maximum(ahead, 0.05)
        up = view.mast_m - fall * reach
        along = (self.pixels[..., 0] - view.width / 2) / view.focal_px * reach
        hue = np.array([rng.uniform(90, 190), rng.uniform(95, 190), rng.uniform(105, 200)])
        tall = rng.uniform(5, 12)
        wall = self._wall_pattern(along + rng.uniform(0, 30), up, hue)
        eaves = (up > tall - 0.9) & (up <= tall)
        tiles = np.array([74.0, 70, 66]) * (1 + 0.3 * (np.mod(along, 0.3) < 0.12))[..., None]
        wall = np.where(eaves[..., None], tiles, wall)
        sky = np.array([226.0, 214, 200]) * (1 - 0.02 * np.clip(up[..., None] - tall, 0, 8) / 8)
        wall = np.where((up > tall)[..., None], sky, wall)
        if self.setting.place in (Place.LAKESIDE, Place.BRIDGE):
            leaf = noise(rng, self.height, self.width, cell=24)
            trees = np.array([48.0, 84, 62]) * (1 + 0.35 * leaf)[..., None]
            wall = np.where((up < 4.5 + 1.2 * leaf)[..., None], trees, sky)
        return np.where((up > 0)[..., None], wall, picture)

    def _side(self, picture: Floats, side: float) -> Floats:
        """A facade along the street, or a railing of stone along a bridge or the lake."""
        setting, view, rng = self.setting, self.view, self.rng
        if setting.place is Place.PLAZA or (setting.place is Place.LAKESIDE and side < 0):
            return picture
        right = (self.pixels[..., 0] - view.width / 2) / view.focal_px * side
        reach = (setting.half_width_m + 0.35) / np.maximum(right, 1e-3)
        pitch = radians(view.pitch_deg)
        below = (self.pixels[..., 1] - view.height / 2) / view.focal_px
        up = view.mast_m - (np.sin(pitch) + below * np.cos(pitch)) * reach
        along = (np.cos(pitch) - below * np.sin(pitch)) * reach
        hit = (right > 1e-3) & (along > 0) & (along < setting.far_m + 0.6) & (up > 0)
        if setting.place is Place.STREET:
            hue = np.array([rng.uniform(80, 180), rng.uniform(85, 175), rng.uniform(95, 185)])
            wall = self._wall_pattern(along + rng.uniform(0, 30), up, hue) * 0.92
            return np.where((hit & (up < rng.uniform(6, 12)))[..., None], wall, picture)
        post = np.mod(along, 1.6) < 0.28
        rail = ((up > 0.85) | (up < 0.15) | post | (np.mod(along, 0.32) < 0.12)) & (
            up < np.where(post, 1.25, 1.0)
        )
        stone = np.array([176.0, 180, 182]) * (1 - 0.12 * (np.mod(along, 0.4) < 0.2))[..., None]
        return np.where((hit & rail)[..., None], stone, picture)
