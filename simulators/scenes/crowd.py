"""People who walk and stand on a flat ground, for ever, in a loop without a seam.

A crowd lives in parallel lanes. Walkers keep their lane and its pace; after `period_s` every lane
has moved by exactly one repeat of its pattern, so the loop closes. A lane too slow for that (a
dense crowd) shuffles to and fro. Pace follows Weidmann's relation of speed to density.
"""

from dataclasses import dataclass
from math import cos, exp, pi, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from simulators.scenes.viewpoint import Floats, Viewpoint, area_m2

LANE_M = 0.62
STEP_M = 0.70
MIN_REPEAT_M = 5.0
LOOSE_P_M2 = 1.9  # above this density people stand closer than they would choose to
# One possible person: metres across the lanes and along them, drift m/s, metres after which the
# lane starts again, shuffle amplitude m and phase, turn from the lane's direction, intended pace.
_SLOT = np.dtype(
    [
        (name, np.float64)
        for name in ("across", "start", "drift", "length", "shuffle", "phase", "turned", "pace")
    ]
    + [("who", np.int64)]
)


def walking_speed_m_s(density_p_m2: float) -> float:
    """Weidmann 1993: free speed 1.34 m/s, standstill at 5.4 people per m²."""
    if density_p_m2 <= 0.01:
        return 1.34
    if density_p_m2 >= 5.4:
        return 0.0
    return 1.34 * (1 - exp(-1.913 * (1 / density_p_m2 - 1 / 5.4)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdPlan:
    """How many people a scene shows and how they move."""

    people: float
    seed: int
    period_s: float = 8.0
    direction_deg: float = 0.0
    standing_share: float = 0.25
    opposing_share: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everyone at one instant: arrays over people, camera frame, nearest last.

    place (N, 2) metres; heading_rad clockwise from +y; stride 0 (standing) to 1 (walking);
    gait_rad the phase of the step; who the number of the person's looks.
    """

    place: Floats
    heading_rad: Floats
    stride: Floats
    gait_rad: Floats
    who: NDArray[np.int64]


class Crowd:
    """The people of one scene; `at(t)` says where each of them is."""

    def __init__(
        self, plan: CrowdPlan, view: Viewpoint, *, half_width_m: float, far_m: float
    ) -> None:
        self.plan = plan
        self.view = view
        self.half_width_m = half_width_m
        self.far_m = far_m
        self.outline = view.footprint(far_m=far_m, half_width_m=half_width_m)
        self._random = np.random.default_rng([plan.seed, 17])
        self._lay_lanes()
        self._fill()

    def _lay_lanes(self) -> None:
        """Choose each lane's pace and slots; every slot is a possible person with its repeats."""
        rng, plan = self._random, self.plan
        turn = radians(plan.direction_deg)
        self._along = np.array([sin(turn), cos(turn)])
        self._across = np.array([cos(turn), -sin(turn)])
        sideways, lengthways = self.outline @ self._across, self.outline @ self._along
        self._low = float(lengthways.min()) - 1.0
        reach = float(lengthways.max()) + 1.0 - self._low
        density = plan.people / max(area_m2(self.outline), 1.0)
        self._close = sqrt(min(1.0, LOOSE_P_M2 / max(density, LOOSE_P_M2)))
        slots: list[tuple[float, ...]] = []
        offset = float(sideways.min()) - 0.4
        while offset < float(sideways.max()) + 0.4:
            pace = walking_speed_m_s(density) * rng.uniform(0.8, 1.12)
            if rng.random() < plan.standing_share:
                pace = 0.0
            slots.extend(self._lane(offset, pace, reach))
            offset += self._close * LANE_M * rng.uniform(0.9, 1.25)
        self._slots = np.array(slots, dtype=_SLOT)

    def _lane(self, offset: float, pace: float, reach: float) -> list[tuple[float, ...]]:
        """The slots of one lane, in the order of `_SLOT`."""
        rng = self._random
        slots: list[tuple[float, ...]] = []
        repeat, shuffle = pace * self.plan.period_s, 0.0
        if repeat < MIN_REPEAT_M:
            repeat, shuffle = reach, min(repeat / pi, 0.5)
        copies = 1 if repeat == reach else int(reach / repeat) + 1
        if rng.random() < self.plan.opposing_share:
            pace = -pace
        drift = pace if copies > 1 else 0.0
        close = self._close
        place, phase = rng.uniform(0, 0.5), rng.uniform(0, 2 * pi)
        while place < repeat - 0.30 * close:
            who, across = int(rng.integers(1, 1 << 30)), offset + close * rng.uniform(-0.12, 0.12)
            turned = rng.normal(0, 0.25) if pace else rng.uniform(-pi, pi)
            length = repeat * copies
            slots.extend(
                (across, place + copy * repeat, drift, length, shuffle, phase, turned, pace, who)
                for copy in range(copies)
            )
            place += close * rng.uniform(0.42, 0.75)
        return slots

    def _fill(self) -> None:
        """Keep just so many slots that the picture shows `people` heads on average."""
        rng, plan = self._random, self.plan
        times = np.linspace(0, plan.period_s, 12, endpoint=False)
        seen = np.mean([self._in_picture(self._places(t, self._slots)) for t in times], axis=0)
        groups: dict[int, list[int]] = {}
        for index, who in enumerate(self._slots["who"].tolist()):
            groups.setdefault(who, []).append(index)
        order = list(groups.values())
        rng.shuffle(order)
        gains = [float(seen[members].sum()) for members in order]
        # Those just outside the picture come in now and then: as full as the picture, not fuller.
        share = min(plan.people / max(sum(gains), 1e-6), 1.0)
        keep: list[int] = []
        total = 0.0
        for members, gain in zip(order, gains, strict=True):
            if gain and total + gain / 2 <= plan.people:
                total += gain
                keep.extend(members)
            elif not gain and rng.random() < share:
                keep.extend(members)
        self._people = self._slots[np.array(keep, dtype=np.int64)]

    def _places(self, t_s: float, people: NDArray[np.void]) -> Floats:
        moved = people["shuffle"] * np.sin(2 * pi * t_s / self.plan.period_s + people["phase"])
        gone = people["start"] + people["drift"] * t_s + moved
        along = self._low + np.mod(gone, people["length"])
        places: Floats = people["across"][:, None] * self._across + along[:, None] * self._along
        return places

    def _in_picture(self, place: Floats) -> NDArray[np.bool_]:
        points = np.column_stack([place, np.full(len(place), 1.56)])
        pixels, depth = self.view.project(points)
        inside = (pixels >= 0) & (pixels < (self.view.width, self.view.height))
        return self._walkable(place) & inside.all(axis=1) & (depth > 0.4)

    def _near_picture(self, place: Floats) -> NDArray[np.bool_]:
        """Who could put a body or a shadow of up to 3 m into the picture."""
        pixels, depth = self.view.project(np.column_stack([place, np.full(len(place), 0.9)]))
        margin = 3.0 * self.view.focal_px / depth
        column, row = pixels[:, 0], pixels[:, 1]
        beside = (column > -margin) & (column < self.view.width + margin)
        return beside & (row > -margin) & (row < self.view.height + margin)

    def _walkable(self, place: Floats) -> NDArray[np.bool_]:
        near = np.abs(place[:, 0]) <= self.half_width_m
        return near & (place[:, 1] <= self.far_m) & (place[:, 1] > 0.2)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The number of each different person of this crowd."""
        return np.unique(self._people["who"])

    def at(self, t_s: float) -> Standing:
        """Everyone on walkable ground at `t_s` seconds into the loop, farthest first."""
        people = self._people
        if not len(people):
            none = np.zeros(0)
            return Standing(
                place=np.zeros((0, 2)), heading_rad=none, stride=none, gait_rad=none,
                who=np.zeros(0, dtype=np.int64),
            )  # fmt: skip
        place = self._places(t_s, people)
        here = self._walkable(place) & self._near_picture(place)
        people, place = people[here], place[here]
        order = np.argsort(-place[:, 1], kind="stable")
        people, place = people[order], place[order]
        period, pace = self.plan.period_s, people["pace"]
        steps = np.maximum(np.round(np.abs(pace) * period / (2 * STEP_M)), 0)
        heading = radians(self.plan.direction_deg) + people["turned"] + np.where(pace < 0, pi, 0.0)
        return Standing(
            place=place,
            heading_rad=heading,
            stride=np.clip(np.abs(pace) / 1.1, 0, 1),
            gait_rad=2 * pi * steps * t_s / period + people["who"] % 6.28,
            who=people["who"],
        )
