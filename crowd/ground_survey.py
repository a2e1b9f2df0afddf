"""What a site's cameras see of their zones, and how sure their metres are: for whoever sets them up."""

from __future__ import annotations

from math import atan, degrees, sqrt
from typing import Final

import msgspec
import numpy as np

from config.calibration import GroundProblem, GroundRefusedError
from config.schema import Camera, SiteFile
from crowd.coverage import Coverage
from crowd.ground import Ground, ground_of

REMEDIES: Final = {
    GroundProblem.NO_PLACE: "give the camera's `at` and `bearing_deg`",
    GroundProblem.NOT_UPRIGHT: "mark again, more of them, near and far, until an upright camera fits",
    GroundProblem.LENS_OPEN: "mark more, nearer and farther; straight from above, mark people instead",
    GroundProblem.SLIPPED: "look where it was marked and at its metres",
}


class ZoneSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a zone a camera sees near enough to be judged."""

    zone: str
    seen_m2: float
    share: float


class GroundSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's calibration in figures, and the problem that it has; refused, it has no `form`.

    `misses` is how far each mark is beside the fit: points and corners in pixels, people as a share
    of their height. `set_aside` are the marks, from 0, that were left out, and `miss_px` is over the
    others (root of the mean square). `height_error` and `area_error` are shares (root of the mean square, standard
    deviation): the first known for people only, the second where a camera explains the marks.
    `seen_m2` is all that is seen of the zones; where the ground has no place on the map, all that is
    seen.
    """

    camera: str
    form: str | None = None
    problem: GroundProblem | None = None
    detail: str = ""
    upright: bool = False
    placed: bool = False
    mast_m: float | None = None
    pitch_deg: float | None = None
    view_deg: float | None = None
    miss_px: float | None = None
    misses: tuple[float, ...] = ()
    set_aside: tuple[int, ...] = ()
    height_error: float | None = None
    area_error: float | None = None
    seen_m2: float | None = None
    zones: tuple[ZoneSeen, ...] = ()


class ZoneCovered(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a zone any of its cameras sees."""

    zone: str
    area_m2: float
    share: float


def survey_grounds(site: SiteFile) -> tuple[list[GroundSurvey], list[ZoneCovered]]:
    """Every camera that has a `ground`, and every zone that a calibrated camera watches."""
    outlines = {zone.id: zone.outline for zone in site.zones}
    found: dict[str, Ground] = {}
    refused: dict[str, GroundRefusedError] = {}
    for camera in site.cameras:
        try:
            ground = ground_of(camera, outlines)
        except GroundRefusedError as error:
            refused[camera.id] = error
        else:
            found.update({camera.id: ground} if ground else {})
    coverage = {}
    for zone in site.zones:
        here = {
            c.id: found[c.id]
            for c in site.cameras
            if zone.id in c.zones and c.id in found and found[c.id].placed
        }
        if here:
            coverage[zone.id] = Coverage(zone, here)
    grounds = [
        _refused(camera, refused[camera.id])
        if camera.id in refused
        else _told(camera, found[camera.id], coverage)
        for camera in site.cameras
        if camera.ground is not None
    ]
    cameras = frozenset(found)
    covered = [
        ZoneCovered(zone=zone, area_m2=one.area_m2, share=round(one.covered_share(cameras), 3))
        for zone, one in coverage.items()
    ]
    return grounds, covered


def _refused(camera: Camera, error: GroundRefusedError) -> GroundSurvey:
    return GroundSurvey(camera=camera.id, problem=error.problem, detail=error.detail)


def _told(camera: Camera, ground: Ground, coverage: dict[str, Coverage]) -> GroundSurvey:
    one = ground.calibration
    lens = None if one.camera is None else 2 * degrees(atan(one.width_px / 2 / one.camera.focal_px))
    misses = one.misses_px
    fitting = [miss for at, miss in enumerate(misses) if at != one.slipped]
    told = GroundSurvey(
        camera=camera.id,
        form=one.form,
        problem=one.problem,
        detail="; ".join(filter(None, (one.detail, REMEDIES.get(one.problem, ""))))
        if one.problem
        else "",
        upright=one.corrected,
        placed=one.placed,
        mast_m=None if one.camera is None else round(one.camera.mast_m, 2),
        pitch_deg=None if one.camera is None else round(one.camera.pitch_deg, 1),
        view_deg=None if lens is None else round(lens, 1),
        miss_px=round(sqrt(np.mean(np.square(fitting))), 1) if fitting else None,
        misses=tuple(round(miss, 1) for miss in misses),
        set_aside=() if one.slipped is None else (one.slipped,),
        area_error=None if one.area_error is None else round(one.area_error, 3),
        seen_m2=round(ground.seen_area_m2, 1),
        zones=tuple(
            ZoneSeen(
                zone=zone,
                seen_m2=coverage[zone].seen_by(camera.id),
                share=round(coverage[zone].seen_by(camera.id) / coverage[zone].area_m2, 3),
            )
            for zone in camera.zones
            if one.placed and zone in coverage
        ),
    )
    if one.people is None or camera.ground is None or camera.ground.people is None:
        return told
    wanted = [each.height_m or camera.ground.people.height_m for each in camera.ground.people.marks]
    off = [round(got / want - 1, 3) for got, want in zip(one.people.heights_m, wanted, strict=True)]
    return msgspec.structs.replace(
        told,
        misses=tuple(off),
        set_aside=one.people.set_aside,
        height_error=round(one.people.height_error, 3),
    )
