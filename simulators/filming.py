"""What each camera of a simulated site shows: a rendered clip for every crowd it will live through."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from math import cos, radians, sin
from multiprocessing import get_context
from pathlib import Path
from zlib import crc32

import msgspec
import numpy as np

from config.schema import Camera, Zone
from simulators.mounting import viewpoint_of
from simulators.rtsp.loop import Loop, LoopError, scene_loop
from simulators.scenes.crowd import CrowdPlan
from simulators.scenes.place import Place, Setting
from simulators.scenes.scene import Scene
from simulators.scenes.viewpoint import Floats, Viewpoint

log = logging.getLogger(__name__)

FPS = 10
KEY_EVERY_S = 2.0
PERIOD_S = 4.0
BIT_RATE = 900_000
WINDOW_M = 3.0
CELL_M = 0.5
RECIPE = 4
"""Grows when the pictures change for the same arguments, so that kept clips are made anew."""


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """What to film: one camera's mounting and place, and one crowd of `density_p_m2`."""

    camera: str
    stage: str
    density_p_m2: float
    view: Viewpoint
    setting: Setting
    seed: int


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """A filmed shot: the clip, and the crowd's true density and highest local density, per m²."""

    loop: Loop
    density_p_m2: float
    peak_p_m2: float


def stage_name(density_p_m2: float) -> str:
    """The name under which a camera keeps its clip of this crowd."""
    return f"{density_p_m2:g}"


def shot_of(camera: Camera, zone: Zone | None, density_p_m2: float, *, seed: int) -> Shot:
    """What a camera shows of its zone when people stand there at this density."""
    view = viewpoint_of(camera)
    half_width_m, far_m = (3.0, 12.0) if zone is None else _room(view, zone)
    number = crc32(camera.id.encode()) ^ seed
    places = (Place.STREET, Place.PLAZA, Place.LAKESIDE)
    bridge = zone is not None and "bridge" in zone.id
    return Shot(
        camera=camera.id,
        stage=stage_name(density_p_m2),
        density_p_m2=density_p_m2,
        view=view,
        setting=Setting(
            place=Place.BRIDGE if bridge else places[number % 3],
            seed=number % 100_000,
            half_width_m=half_width_m,
            far_m=far_m,
            sun=0.35,
        ),
        seed=number % 100_000 + 1,
    )


def _room(view: Viewpoint, zone: Zone) -> tuple[float, float]:
    """Half the width and the depth, metres, that the zone's outline leaves before the camera."""
    turn = radians(view.bearing_deg)
    ahead = np.array([sin(turn), cos(turn)])
    right = np.array([cos(turn), -sin(turn)])
    place = np.array([view.east_m, view.north_m])
    outline = np.array(zone.outline, dtype=np.float64)
    middle = place + 5.0 * ahead
    sides = [_reach(outline, middle, way) for way in (right, -right)]
    depth = _reach(outline, place, ahead)
    return float(np.clip(min(sides), 1.5, 8.0)), float(np.clip(depth, 6.0, 30.0))


def _reach(outline: Floats, start: Floats, way: Floats) -> float:
    """Metres from `start` along `way` to the outline; infinite where it is never met."""
    nearest = np.inf
    for first, second in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        edge = second - first
        cross = way[0] * edge[1] - way[1] * edge[0]
        if abs(cross) < 1e-9:
            continue
        gap = first - start
        along = (gap[0] * edge[1] - gap[1] * edge[0]) / cross
        share = (gap[0] * way[1] - gap[1] * way[0]) / cross
        if along > 0 and 0 <= share <= 1:
            nearest = min(nearest, along)
    return float(nearest)


def film(shot: Shot) -> Take:
    """Render and encode one shot."""
    scene = Scene(shot.view, shot.setting, CrowdPlan(people=0, seed=shot.seed), detail=1)
    people = shot.density_p_m2 * scene.area_m2
    scene = scene.with_crowd(CrowdPlan(people=people, seed=shot.seed, period_s=PERIOD_S))
    peaks, densities = [], []
    for t_s in np.arange(0.0, PERIOD_S, 0.5):
        _, places = scene.truth_at(float(t_s))
        densities.append(len(places) / scene.area_m2)
        peaks.append(peak_p_m2(places))
    return Take(
        loop=scene_loop(scene, fps=FPS, bit_rate=BIT_RATE, gop_s=KEY_EVERY_S),
        density_p_m2=float(np.mean(densities)),
        peak_p_m2=float(np.mean(peaks)),
    )


def peak_p_m2(places: Floats) -> float:
    """The highest density of any 3 m × 3 m window over people's places (N, 2), in metres."""
    if not len(places):
        return 0.0
    cells = int(WINDOW_M / CELL_M)
    grid = np.floor((places - places.min(axis=0)) / CELL_M).astype(int)
    table = np.zeros(grid.max(axis=0) + 1 + cells)
    np.add.at(table, (grid[:, 0], grid[:, 1]), 1)
    sums = np.pad(table.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows = (
        sums[cells:, cells:]
        - sums[:-cells, cells:]
        - sums[cells:, :-cells]
        + sums[:-cells, :-cells]
    )
    return float(windows.max()) / WINDOW_M**2


def film_all(shots: Iterable[Shot], *, cache: Path) -> dict[tuple[str, str], Take]:
    """All takes by (camera, stage), on every core; kept in `cache` for the next time."""
    wanted = list(shots)
    takes: dict[tuple[str, str], Take] = {}
    missing: list[Shot] = []
    for shot in wanted:
        kept = _kept(cache, shot)
        if kept is None:
            missing.append(shot)
        else:
            takes[shot.camera, shot.stage] = kept
    if missing:
        log.info(
            "filming %d clips, and no camera answers before; the next start finds them in %s",
            len(missing),
            cache,
        )
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            for shot, take in zip(missing, pool.map(film, missing), strict=True):
                takes[shot.camera, shot.stage] = take
                _keep(cache, shot, take)
    return takes


def _path(cache: Path, shot: Shot) -> Path:
    key = hashlib.sha256(repr((RECIPE, FPS, PERIOD_S, BIT_RATE, shot)).encode()).hexdigest()
    return cache / f"{shot.camera}-{key[:16]}.take"


def _kept(cache: Path, shot: Shot) -> Take | None:
    try:
        return msgspec.msgpack.decode(_path(cache, shot).read_bytes(), type=Take)
    except (OSError, msgspec.MsgspecError, LoopError):
        return None


def _keep(cache: Path, shot: Shot, take: Take) -> None:
    """Write in one step, so that a reader never finds half a clip; a full disk costs only time."""
    path = _path(cache, shot)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.msgpack.encode(take))
        part.replace(path)
    except OSError as error:
        log.warning("clips are not kept: %s", error)
