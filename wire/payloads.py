"""Messages that exist only on the broker: what the service and the workers say about themselves."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from model.cap.alert import MessageType, Status
from model.cases import Case, CaseState
from model.facts import Id, Stamp, Word
from model.level import Level
from model.text import Bilingual
from model.zones import ForecastPoint, ZoneState, ZoneView

Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
CameraCount = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class WarningState(msgspec.Struct, frozen=True, kw_only=True):
    """An open warning as published to everyone; published once with `closed`, then cleared."""

    id: Id
    zone: Id
    hazard: Id
    level: Level
    state: CaseState
    opened: Stamp
    changed: Stamp
    exercise: bool
    text: Bilingual


class CapMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The last CAP 1.2 message of a warning, for other warning centres; `xml` is the document."""

    identifier: Annotated[str, msgspec.Meta(max_length=128)]
    sent: Stamp
    kind: MessageType
    status: Status
    xml: Annotated[str, msgspec.Meta(max_length=60_000)]


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The service's birth, death and heartbeat; a last will carries no time of its own."""

    state: Literal["online", "offline"]
    at: Stamp | None = None
    version: Word | None = None


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A camera worker's birth, death, capacity and load.

    `capacity` is how many cameras the worker can analyse, `cameras` how many it does, `load` the
    share of its core in use, `epoch` the last assignment that it follows. `dropped` pictures gave
    way unread to newer ones since its start; `overloaded` where that is more than one in ten now, or all of
    one camera's.
    `foreign` cameras are read by FFmpeg's reader, since the worker's own does not understand them;
    `unknown` ones are assigned, and its site file does not have them: nobody analyses those.
    """

    state: Literal["online", "offline"]
    at: Stamp | None = None
    version: Word | None = None
    capacity: CameraCount | None = None
    cameras: CameraCount | None = None
    load: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    epoch: Epoch | None = None
    dropped: Annotated[int, msgspec.Meta(ge=0)] | None = None
    overloaded: bool | None = None
    foreign: CameraCount | None = None
    unknown: CameraCount | None = None


class WorkerCameras(msgspec.Struct, frozen=True, kw_only=True):
    """The cameras that a worker is to analyse; an epoch that did not grow is ignored."""

    epoch: Epoch
    cameras: Annotated[tuple[Id, ...], msgspec.Meta(max_length=5000)]


def warning_of(case: Case) -> WarningState:
    """A zone's case as the world sees it; ValueError for a device's case, which is not published."""
    if case.subject_kind != "zone":
        raise ValueError(f"case {case.id} is about a device and is no warning")
    return WarningState(
        id=case.id,
        zone=case.subject,
        hazard=case.hazard,
        level=case.level,
        state=case.state,
        opened=case.opened,
        changed=case.changed,
        exercise=case.exercise,
        text=case.text,
    )


def zone_state_of(
    view: ZoneView, level: Level | None, *, forecast: tuple[ForecastPoint, ...] = ()
) -> ZoneState:
    """A zone's view as the world sees it, with the warning level in force."""
    return ZoneState(
        at=view.at,
        sight=view.sight,
        level=level,
        capacity=view.capacity,
        occupancy=view.occupancy,
        occupancy_low=view.occupancy_low,
        occupancy_high=view.occupancy_high,
        density_p_m2=view.density_p_m2,
        peak_p_m2=view.peak_p_m2,
        seen_at=view.seen_at,
        forecast=list(forecast),
    )
