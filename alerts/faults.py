"""Faults: a device that cannot be relied on is a case too, until it is proven well again."""

from __future__ import annotations

from alerts.cases import CaseBook, CaseFile, Journal
from config.schema import SiteFile, Words
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

_KINDS = {
    DeviceKind.CAMERA: Bilingual(zh="摄像机", en="Camera"),
    DeviceKind.COUNTER: Bilingual(zh="客流计数器", en="Counter"),
    DeviceKind.SENSOR: Bilingual(zh="传感器", en="Sensor"),
    DeviceKind.TERMINAL: Bilingual(zh="预警终端", en="Terminal"),
    DeviceKind.BOLLARD: Bilingual(zh="升降柱", en="Bollard"),
    DeviceKind.WORKER: Bilingual(zh="分析节点", en="Worker"),
}

_STATES = {
    HealthState.BLIND: Bilingual(zh="画面不可用", en="blind"),
    HealthState.FAULT: Bilingual(zh="故障", en="fault"),
    HealthState.SILENT: Bilingual(zh="无数据", en="silent"),
    HealthState.OFFLINE: Bilingual(zh="离线", en="offline"),
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
            if file is None:
                self._open(journal, book, health)
            else:
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
            detail=f"well for {WELL_FOR_S:g} s",
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
            detail=health.reason or health.state,
        )
        file.fault = health.state

    def _again(self, journal: Journal, file: CaseFile, health: DeviceHealth) -> None:
        file.well_s = None
        if file.fault == health.state:
            return
        before, file.fault = file.fault, health.state
        journal.note(
            file,
            actor=health.id,
            change=Change.COMMENTED,
            reason=_why(health.state),
            detail=f"{before}, now {health.state}: {health.reason or health.state}",
        )

    def _text(self, health: DeviceHealth) -> Bilingual:
        kind, state = _KINDS[health.kind], _STATES[health.state]
        name = self._names.get((health.kind, health.id))
        zh, en = (name.zh, name.en) if name else (health.id, health.id)
        why = f" ({health.reason})" if health.reason else ""
        return Bilingual(
            zh=f"{kind.zh} {zh}：{state.zh}{why}"[:500], en=f"{kind.en} {en}: {state.en}{why}"[:500]
        )


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
