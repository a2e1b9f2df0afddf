"""Draws people into a picture: shaded bodies of jointed limbs, a torso and a head, far ones first."""

from dataclasses import dataclass
from math import radians

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.scenes.crowd import Standing
from simulators.scenes.looks import Looks
from simulators.scenes.viewpoint import Floats, Viewpoint

Image = NDArray[np.uint8]
SUBPIXEL_BITS = 3
_RING = np.stack([np.cos(np.linspace(0, 2 * np.pi, 12, endpoint=False)),
                  np.sin(np.linspace(0, 2 * np.pi, 12, endpoint=False))], axis=-1)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How bodies are lit: from which side (-1 left … 1 right), how hard (0 overcast … 1 sun)."""

    side: float = 0.5
    hardness: float = 0.5
    gain: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One convex patch of everybody: corners (N, V, 2) in pixels, colour (N, 3), who has it."""

    corners: Floats
    colour: Floats
    present: NDArray[np.bool_] | None = None


class _Figures:
    """Everybody's body measured in the picture; makes the patches, back to front."""

    def __init__(self, view: Viewpoint, people: Standing, looks: Looks, light: Light) -> None:
        self.view, self.people, self.looks, self.light = view, people, looks, light
        heading = people.heading_rad
        self.ahead = np.stack([np.sin(heading), np.cos(heading)], axis=-1)
        self.aside = np.stack([np.cos(heading), -np.sin(heading)], axis=-1)
        to_lens = -people.place / np.maximum(
            np.linalg.norm(people.place, axis=1, keepdims=True), 0.1
        )
        self.facing = (self.ahead * to_lens).sum(axis=1)
        self.right_is_near = (self.aside * to_lens).sum(axis=1) > 0
        self.tall = looks.height_m
        middle = self.joint(0.0, 0.0, 0.6)
        self.scale = view.focal_px / self._depth_of(middle)
        self.head = self.joint(0.015, 0.0, 0.932)

    def _depth_of(self, _pixels: Floats) -> Floats:
        points = np.column_stack([self.people.place, self.tall * 0.6])
        return self.view.project(points)[1]

    def joint(self, ahead: float | Floats, aside: float | Floats, up: float | Floats) -> Floats:
        """Pixels (N, 2) of a joint given in body heights: forward, to the right, above the ground."""
        flat = self.people.place + self.tall[:, None] * (
            np.asarray(ahead).reshape(-1, 1) * self.ahead
            + np.asarray(aside).reshape(-1, 1) * self.aside
        )
        return self.view.project(np.column_stack([flat, self.tall * up]))[0]

    def limb(
        self, start: Floats, end: Floats, start_m: float, end_m: float, colour: Floats
    ) -> _Part:
        along = end - start
        length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-3)[:, None]
        normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / length
        wide = (self.scale * self.looks.girth)[:, None]
        a, b = normal * wide * start_m, normal * wide * end_m
        tip = along / length * wide * end_m * 0.5
        return _Part(
            corners=np.stack([start + a, end + b, end + tip, end - b, start - a], axis=1),
            colour=colour,
        )

    def blob(
        self, centre: Floats, half_m: tuple[float | Floats, float | Floats], colour: Floats
    ) -> _Part:
        size = np.stack(np.broadcast_arrays(*(self.scale * half for half in half_m)), axis=-1)
        return _Part(corners=centre[:, None] + _RING[None] * size[:, None], colour=colour)

    def legs(self) -> list[_Part]:
        looks, swing = self.looks, np.sin(self.people.gait_rad) * self.people.stride
        parts: list[_Part] = []
        skin_or_cloth = np.where(looks.skirt[:, None], looks.skin, looks.trousers)
        for side, sign in ((-1.0, 1.0), (1.0, -1.0)):
            stride = sign * swing
            lift = np.maximum(np.cos(self.people.gait_rad) * -sign, 0) * 0.05 * self.people.stride
            hip = self.joint(0.0, side * 0.045, 0.5)
            knee = self.joint(0.09 * stride + 0.03, side * 0.05, 0.28)
            foot = self.joint(0.17 * stride, side * 0.05, 0.035 + lift)
            toe = self.joint(0.17 * stride + 0.09, side * 0.055, 0.015 + lift)
            tone = 0.82 if side < 0 else 1.0
            parts.append(self.limb(foot, toe, 0.045, 0.04, looks.bag * 0.8))
            parts.append(self.limb(knee, foot, 0.062, 0.045, skin_or_cloth * tone * 0.92))
            parts.append(self.limb(hip, knee, 0.088, 0.066, looks.trousers * tone))
        return parts

    def skirts(self) -> _Part:
        waist, hem = self.joint(0.0, 0.0, 0.58), self.joint(0.0, 0.0, 0.36)
        part = self.limb(waist, hem, 0.14, 0.22, self.looks.trousers * 1.05)
        return _Part(corners=part.corners, colour=part.colour, present=self.looks.skirt)

    def arm(self, *, near: bool) -> list[_Part]:
        looks = self.looks
        side = np.where(self.right_is_near == near, 1.0, -1.0)
        swing = -side * np.sin(self.people.gait_rad) * self.people.stride * -0.11
        raised = looks.arms_up
        shoulder = self.joint(0.0, side * 0.118, 0.805)
        elbow = self.joint(
            np.where(raised, 0.09, swing * 0.5 - 0.01), side * 0.145, np.where(raised, 0.68, 0.635)
        )
        hand = self.joint(
            np.where(raised, 0.19, swing + 0.045),
            side * np.where(raised, 0.05, 0.14),
            np.where(raised, 0.78, 0.49),
        )
        tone = 0.95 if near else 0.75
        sleeve = np.where(looks.bare_arms[:, None], looks.skin, looks.shirt) * tone
        return [
            self.limb(elbow, hand, 0.043, 0.036, sleeve),
            self.limb(shoulder, elbow, 0.056, 0.048, looks.shirt * tone),
        ]

    def _half_width(self, across: float, deep: float) -> Floats:
        wide = np.abs(self.aside[:, 0]) * across + np.abs(self.ahead[:, 0]) * deep
        half: Floats = wide * self.tall * self.scale * self.looks.girth
        return half

    def _trunk(self, shrink: float, shift: float) -> Floats:
        """Outline (N, 10, 2) of the torso from neck to hips, narrowed and moved to one side."""
        levels = ((0.862, 0.035, 0.035), (0.835, 0.095, 0.052), (0.79, 0.122, 0.068),
                  (0.64, 0.098, 0.066), (0.50, 0.104, 0.072))  # fmt: skip
        left, right = [], []
        for up, across, deep in levels:
            centre, half = self.joint(0.0, 0.0, up), self._half_width(across, deep)
            offset = np.zeros_like(centre)
            offset[:, 0] = half * shrink
            centre = centre + np.stack([half * shift, np.zeros_like(half)], axis=-1)
            left.append(centre - offset)
            right.append(centre + offset)
        return np.stack([*left, *reversed(right)], axis=1)

    def trunk(self) -> list[_Part]:
        looks, hard = self.looks, self.light.hardness
        side = 1.0 if self.light.side > 0 else -1.0
        parts = [
            _Part(corners=self._trunk(1.0, 0.0), colour=looks.shirt * (0.86 - 0.22 * hard)),
            _Part(corners=self._trunk(0.72, 0.26 * side), colour=looks.shirt),
            _Part(
                corners=self._trunk(0.3, 0.6 * side), colour=looks.shirt * (1.06 + 0.12 * hard) + 4
            ),
        ]
        band = np.clip(255 - looks.shirt, 30, 230)
        for up in (0.76, 0.69, 0.62, 0.55):
            middle, half = self.joint(0.0, 0.0, up), self._half_width(0.11, 0.066)
            reach = np.stack([half, np.zeros_like(half)], axis=-1)
            stripe = self.limb(middle - reach, middle + reach, 0.016, 0.016, band)
            parts.append(_Part(corners=stripe.corners, colour=band, present=looks.striped))
        return parts

    def backpacks(self) -> _Part:
        """Seen only on those who turn their back to the camera."""
        centre = self.joint(-0.09, 0.0, 0.69)
        half = np.abs(self.aside[:, 0]) * 0.14 + np.abs(self.ahead[:, 0]) * 0.09
        part = self.blob(centre, (half, 0.21), self.looks.bag)
        return _Part(
            corners=part.corners,
            colour=part.colour,
            present=self.looks.backpack & (self.facing < 0.2),
        )

    def heads(self) -> list[_Part]:
        looks, pitch = self.looks, radians(self.view.pitch_deg)
        size = self.tall / 1.7
        size = np.where(self.tall < 1.4, 0.9, size)
        hair_half = (
            (np.abs(self.aside[:, 0]) * 0.082 + np.abs(self.ahead[:, 0]) * 0.098) * size,
            0.118 * size,
        )
        neck = self.limb(
            self.joint(0.0, 0.0, 0.82), self.joint(0.008, 0.0, 0.90), 0.055, 0.05, looks.skin * 0.8
        )
        mane = self.limb(
            self.joint(-0.02, 0.0, 0.95), self.joint(-0.05, 0.0, 0.79), 0.085, 0.095, looks.hair
        )
        parts = [
            neck,
            _Part(
                corners=mane.corners,
                colour=np.where(looks.hat[:, None], 34.0, looks.hair),
                present=looks.long_hair,
            ),
        ]
        parts.append(self.blob(self.head, hair_half, looks.hair))
        shine = self.head - np.stack(
            [-0.02 * self.light.side * self.scale, 0.05 * self.scale], axis=-1
        )
        parts.append(
            self.blob(
                shine,
                (0.045 * size, 0.04 * size),
                looks.hair * 1.15 + 14 + 22 * self.light.hardness,
            )
        )
        seen = self.facing > -0.35
        turned = np.clip(0.55 + 0.45 * self.facing, 0.35, 1.0)
        face = self.joint(0.045, 0.0, 0.912)
        lower = (0.1 - 0.02 * np.sin(pitch)) * size
        for part, shade in ((self.blob(face, (0.073 * size * turned, lower), looks.skin * 0.95), 0),
                            (self.blob(face + np.stack([0.012 * self.light.side * self.scale, -0.01 * self.scale], axis=-1),
                                       (0.054 * size * turned, lower * 0.75), np.clip(looks.skin * 1.12 + 6, 0, 252)), 0)):  # fmt: skip
            parts.append(_Part(corners=part.corners, colour=part.colour + shade, present=seen))
        eyes = self.limb(
            self.joint(0.058, -0.02, 0.932),
            self.joint(0.058, 0.02, 0.932),
            0.007,
            0.007,
            looks.hair,
        )
        parts.append(
            _Part(corners=eyes.corners, colour=looks.skin * 0.6, present=self.facing > 0.05)
        )
        return parts

    def parts(self) -> list[_Part]:
        return [
            *self.legs(),
            self.skirts(),
            *self.arm(near=False),
            *self.trunk(),
            *self.arm(near=True),
            self.backpacks(),
            *self.heads(),
        ]


def draw_people(
    canvas: Image, view: Viewpoint, people: Standing, looks: Looks, light: Light, *, smooth: bool
) -> Floats:
    """Draws everybody into `canvas` (whose size is the view's) and returns head centres (N, 2).

    `smooth` antialiases edges; leave it off where the picture is rendered larger and shrunk.
    """
    if not len(people.place):
        return np.zeros((0, 2))
    figures = _Figures(view, people, looks, light)
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    prepared = []
    for part in figures.parts():
        corners = np.clip(part.corners * (1 << SUBPIXEL_BITS), -1e6, 1e6).astype(np.int32)
        colours = np.clip(part.colour * light.gain, 0, 255).astype(int).tolist()
        prepared.append((corners, colours, part.present))
    for person in range(len(people.place)):
        for corners, colours, present in prepared:
            if present is None or present[person]:
                cv2.fillConvexPoly(canvas, corners[person], colours[person], line, SUBPIXEL_BITS)
    return figures.head


def shadow_corners(
    view: Viewpoint, people: Standing, looks: Looks, direction: Floats
) -> NDArray[np.int32]:
    """Ground shadows (N, 8, 2) in subpixels; `direction` is the shadow of one metre of height, metres."""
    reach = looks.height_m[:, None] * direction
    normal = np.array([-direction[1], direction[0]]) / max(float(np.hypot(*direction)), 1e-6)
    width = 0.22 * looks.girth[:, None]
    ring = []
    for share, wide in ((-0.04, 0.6), (0.3, 0.9), (0.8, 1.0), (1.0, 0.3)):
        ring.append(
            (
                people.place + reach * share - normal * width * wide,
                people.place + reach * share + normal * width * wide,
            )
        )
    order = [low for low, _ in ring] + [high for _, high in reversed(ring)]
    flat = np.stack(order, axis=1)
    points = np.concatenate([flat, np.zeros((*flat.shape[:2], 1))], axis=-1)
    return np.clip(view.project(points)[0] * (1 << SUBPIXEL_BITS), -1e6, 1e6).astype(np.int32)


def uncovered(view: Viewpoint, people: Standing, looks: Looks) -> NDArray[np.bool_]:
    """Which heads (N,) no nearer body hides: a head counts as hidden when its centre is covered."""
    count = len(people.place)
    if not count:
        return np.zeros(0, dtype=np.bool_)
    top = np.column_stack([people.place, looks.height_m])
    head = np.column_stack([people.place, looks.height_m * 0.932])
    hip = np.column_stack([people.place, looks.height_m * 0.45])
    (top_px, depth), (head_px, _), (hip_px, _) = (
        view.project(top),
        view.project(head),
        view.project(hip),
    )
    scale = view.focal_px / depth
    beside = np.abs(head_px[:, None, 0] - head_px[None, :, 0])
    above = head_px[:, None, 1]
    shoulders = head_px[None, :, 1] + 0.14 * scale[None, :]
    in_head = (
        (beside < 0.075 * scale[None, :]) & (above > top_px[None, :, 1]) & (above <= shoulders)
    )
    in_body = (beside < 0.2 * scale[None, :]) & (above > shoulders) & (above < hip_px[None, :, 1])
    nearer = np.arange(count)[None, :] > np.arange(count)[:, None]
    hidden = np.any((in_head | in_body) & nearer, axis=1)
    return np.asarray(~hidden, dtype=np.bool_)
