"""Faults: a device that cannot be relied on is a case too, until it is proven well again."""

from __future__ import annotations

from alerts import wording
from alerts.cases import CaseBook, CaseFile, Journal
from config.schema import SiteFile
from config.strict import Words
from model.cases import Change, Reason
from model.facts import DeviceKind
from model.health import WELL_STATES, DeviceHealth, HealthState
from model.level import Level
from model.text import Bilingual

WELL_FOR_S = 10.0
"""A device is well again when it stays well this long, so that a flapping one is one case."""

_LEVELS = {
    DeviceKind.CAMERA: Level.YELLOW,
    DeviceKind.BOLLARD: Level.YELLOW,
    DeviceKind.WORKER: Level.YELLOW,
}


class FaultDesk:
    """Opens and closes the cases of devices. A device has one case, whatever its faults.

    Only `online` proves a device well: one that was not heard of since a restart (`waiting`)
    opens nothing and closes nothing.
    """

    def __init__(self, site: SiteFile) -> None:
        self._names: dict[tuple[DeviceKind, str], Words] = {}
        for kind, devices in (
            (DeviceKind.CAMERA, site.cameras),
            (DeviceKind.COUNTER, site.counters),
            (DeviceKind.SENSOR, site.sensors),
            (DeviceKind.TERMINAL, site.terminals),
            (DeviceKind.BOLLARD, site.bollards),
        ):
            self._names.update({(kind, device.id): device.name for device in devices})

    def take(self, journal: Journal, book: CaseBook, health: DeviceHealth) -> None:
        """Note a device's health."""
        file = book.get(_key(health))
        if health.state not in WELL_STATES:
            if file is None and not health.waits_for_its_worker:
                self._open(journal, book, health)
            elif file is not None:
                self._again(journal, file, health)
        elif file is not None and health.state is HealthState.ONLINE and file.well_s is None:
            file.well_s = 0.0

    def advance(self, journal: Journal, book: CaseBook, file: CaseFile, seconds: float) -> None:
        """Let time pass over a device case; a device that stayed well closes it."""
        if file.case.subject_kind != "device" or file.well_s is None:
            return
        file.well_s += seconds
        if file.well_s < WELL_FOR_S - 1e-6:
            return
        book.close(
            journal,
            file,
            actor=file.case.subject,
            reason=_back(file.fault),
            detail=wording.well(WELL_FOR_S),
        )

    def _open(self, journal: Journal, book: CaseBook, health: DeviceHealth) -> None:
        file = book.open(
            journal,
            _key(health),
            subject_kind="device",
            subject=health.id,
            hazard=f"{health.kind}-{health.state}",
            level=_LEVELS.get(health.kind, Level.BLUE),
            text=self._text(health),
            rule=None,
            actor=health.id,
            reason=_why(health.state),
            detail=wording.fault(health),
        )
        file.fault = health.state

    def _again(self, journal: Journal, file: CaseFile, health: DeviceHealth) -> None:
        file.well_s = None
        if file.fault == health.state:
            return
        before, file.fault = file.fault or health.state, health.state
        journal.note(
            file,
            actor=health.id,
            change=Change.FAULT_CHANGED,
            reason=_why(health.state),
            detail=wording.fault_changed(before, health),
        )

    def _text(self, health: DeviceHealth) -> Bilingual:
        name = self._names.get((health.kind, health.id))
        zh, en = (name.zh, name.en) if name else (health.id, health.id)
        return wording.fault_of(health, Bilingual(zh=zh, en=en))


def _key(health: DeviceHealth) -> str:
    return f"{health.kind}:{health.id}"


def _why(state: HealthState) -> Reason:
    match state:
        case HealthState.BLIND:
            return Reason.CAMERA_BLIND
        case HealthState.FAULT:
            return Reason.DEVICE_FAULT
        case _:
            return Reason.DEVICE_SILENT


def _back(fault: str | None) -> Reason:
    match fault:
        case HealthState.BLIND:
            return Reason.CAMERA_SEES
        case HealthState.FAULT:
            return Reason.DEVICE_HEALTHY
        case _:
            return Reason.DEVICE_BACK
