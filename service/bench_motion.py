"""The motion bench: how far speed, direction, counter-flow and pressure are from a rendered truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from config.grounds import Ground as GroundPoints
from config.grounds import GroundPoint
from crowd.estimator import Estimator
from crowd.ground import Ground
from crowd.motion import Motion, read_motion
from crowd.motion_streams import Streams, pressure_s2, streams
from service.bench_cameras import machine
from simulators.scenes.crowd import Crowd, CrowdPlan
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Viewpoint

Floats = NDArray[np.float64]
Result = dict[str, Any]
WIDTH_PX: Final = 640
HEIGHT_PX: Final = 360
STRIDE_PX: Final = 8
PICTURES: Final = 4
APART_S: Final = 0.1
_DENSITIES_P_M2: Final = (0.1, 0.3, 0.8, 1.5, 2.5, 4.0)
_LOOK_S: Final = 0.02
_SAME_PERSON_M: Final = 0.1
_TWO_EQUAL_STREAMS: Final = 0.42


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One rendered crowd: its luma burst, its visible heads, and how its people truly move."""

    density_p_m2: float
    first: NDArray[np.uint8]
    lumas: list[NDArray[np.uint8]]
    heads: Floats
    ground: Ground
    truth: Streams
    pressure_s2: float | None


def bench_motion(*, scenes: int, seed: int, say: Callable[[str], None]) -> Result:
    """Measure with the shipped network's density map, and with a perfect one beside it."""
    estimator = Estimator("small")
    with_network: list[tuple[Case, Motion]] = []
    with_heads: list[tuple[Case, Motion]] = []
    cost_s = 0.0
    for number, case in enumerate(cases(scenes, seed=seed)):
        density = estimator.estimate(case.first).density
        before_s = time.thread_time()
        with_network.append((case, _read(case, density)))
        cost_s += time.thread_time() - before_s
        with_heads.append((case, _read(case, _perfect(case.heads))))
        say(f"{number + 1} of {scenes}")
    return {
        "scenes": scenes,
        "seed": seed,
        "pictures": PICTURES,
        "apart_s": APART_S,
        "ours": {
            "model": estimator.model,
            "ms_per_reading": round(cost_s * 1000 / scenes, 2),
            **figures(with_network),
        },
        "with_perfect_density": figures(with_heads),
        "machine": machine(),
    }


def _read(case: Case, density: NDArray[np.float32]) -> Motion:
    times = [number * APART_S for number in range(PICTURES)]
    return read_motion(case.lumas, times, density, stride_px=STRIDE_PX, ground=case.ground)


def _perfect(heads: Floats) -> NDArray[np.float32]:
    density = np.zeros((HEIGHT_PX // STRIDE_PX, WIDTH_PX // STRIDE_PX), np.float32)
    for x, y in (heads // STRIDE_PX).astype(int):
        density[min(int(y), density.shape[0] - 1), min(int(x), density.shape[1] - 1)] += 1
    return density


def cases(count: int, *, seed: int) -> Iterator[Case]:
    """Rendered crowds of all densities, places, directions and mixtures, by day, night and rain."""
    made = number = 0
    while made < count:
        case = _case(np.random.default_rng([seed, number]), number)
        number += 1
        if case is not None:
            made += 1
            yield case


def _case(rng: np.random.Generator, number: int) -> Case | None:
    """One case; None where nobody came to stand in view."""
    view = Viewpoint(
        width=WIDTH_PX,
        height=HEIGHT_PX,
        mast_m=float(rng.uniform(4, 8)),
        pitch_deg=float(rng.uniform(22, 38)),
        bearing_deg=float(rng.uniform(0, 360)),
    )
    setting = Setting(
        place=list(Place)[number % len(Place)],
        seed=int(rng.integers(1 << 30)),
        half_width_m=float(rng.uniform(4, 10)),
        far_m=25.0,
        night=number % 5 == 4,
        rain=number % 7 == 6,
    )
    scene = Scene(view, setting, CrowdPlan(people=0, seed=1), detail=1)
    density = _DENSITIES_P_M2[number % len(_DENSITIES_P_M2)]
    plan = CrowdPlan(
        people=min(density * scene.area_m2, 400.0),
        seed=int(rng.integers(1 << 30)),
        direction_deg=float(rng.uniform(0, 360)),
        standing_share=float(rng.choice([0.0, 0.2, 0.5])),
        opposing_share=float(rng.choice([0.0, 0.2, 0.5])),
    )
    return _filmed(scene.with_crowd(plan), density, from_s=float(rng.uniform(0, 6)))


def _filmed(scene: Scene, density_p_m2: float, *, from_s: float) -> Case | None:
    views = [scene.at(from_s + number * APART_S) for number in range(PICTURES)]
    points = [
        GroundPoint(px=px, py=py, x_m=x, y_m=y) for px, py, x, y in scene.view.ground_points()
    ]
    ground = Ground(GroundPoints(width_px=WIDTH_PX, height_px=HEIGHT_PX, points=points), [])
    middle_s = from_s + (PICTURES - 1) / 2 * APART_S
    place, velocity = true_velocities(scene.crowd, middle_s)
    origin = scene.view.to_site(np.zeros((1, 2)))
    place = scene.view.to_site(place)
    velocity = np.asarray(scene.view.to_site(velocity) - origin)
    seen = ground.watches(place) & ~np.isnan(velocity[:, 0])
    if not seen.any():
        return None
    each = np.ones(int(seen.sum()))
    return Case(
        density_p_m2=density_p_m2,
        first=views[0].pixels,
        lumas=[np.asarray(cv2.cvtColor(v.pixels, cv2.COLOR_BGR2GRAY), np.uint8) for v in views],
        heads=views[0].heads,
        ground=ground,
        truth=streams(velocity[seen], each),
        pressure_s2=pressure_s2(place[seen], velocity[seen], velocity[seen], each),
    )


def true_velocities(crowd: Crowd, t_s: float) -> tuple[Floats, Floats]:
    """Places (N, 2) and velocities (N, 2) in m/s of the camera frame; NaN for who just left."""
    now, later = crowd.at(t_s), crowd.at(t_s + _LOOK_S)
    velocity = np.full_like(now.place, np.nan)
    for index, who in enumerate(now.who):
        steps = later.place[later.who == who] - now.place[index]
        if len(steps):
            step = steps[np.argmin((steps**2).sum(axis=1))]
            if np.linalg.norm(step) < _SAME_PERSON_M:
                velocity[index] = step / _LOOK_S
    return now.place, velocity


def figures(readings: list[tuple[Case, Motion]]) -> Result:
    """Errors over all readings; of direction only where one stream is clearly the larger."""
    given = [(case, motion) for case, motion in readings if motion.speed_m_s is not None]
    gaps: dict[str, int] = {}
    for _, motion in readings:
        if motion.gap is not None:
            gaps[motion.gap.value] = gaps.get(motion.gap.value, 0) + 1
    return {
        "given": len(given),
        "gaps": gaps,
        "speed_m_s": _errors(
            [(m.speed_m_s, c.truth.speed_m_s) for c, m in given],
        ),
        "direction_deg": _turns(given),
        "counterflow": _errors([(m.counterflow, c.truth.counterflow) for c, m in given]),
        "pressure_s2": _errors([(m.pressure_s2, c.pressure_s2) for c, m in given]),
    }


def _errors(pairs: list[tuple[float | None, float | None]]) -> Result:
    known = np.array([(a, b) for a, b in pairs if a is not None and b is not None], np.float64)
    if not len(known):
        return {"n": 0}
    error = known[:, 0] - known[:, 1]
    varied = len(known) > 2 and known.std(axis=0).min() > 0
    return {
        "n": len(known),
        "true_mean": round(float(known[:, 1].mean()), 3),
        "mae": round(float(np.abs(error).mean()), 3),
        "bias": round(float(error.mean()), 3),
        "p90": round(float(np.percentile(np.abs(error), 90)), 3),
        "r": round(float(np.corrcoef(known[:, 0], known[:, 1])[0, 1]), 3) if varied else None,
    }


def _turns(given: list[tuple[Case, Motion]]) -> Result:
    turns = [
        abs((motion.direction_deg - case.truth.direction_deg + 180) % 360 - 180)
        for case, motion in given
        if motion.direction_deg is not None
        and case.truth.direction_deg is not None
        and (case.truth.counterflow or 0.0) < _TWO_EQUAL_STREAMS
    ]
    if not turns:
        return {"n": 0}
    return {
        "n": len(turns),
        "median": round(float(np.median(turns)), 1),
        "mae": round(float(np.mean(turns)), 1),
        "p90": round(float(np.percentile(turns, 90)), 1),
    }
