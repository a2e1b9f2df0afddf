"""Facts, cases and orders as the tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from model.cases import Case, CaseState, Change, Reason, Transition
from model.facts import Body, DensityBlind, DensityLive, DeviceKind, Fact, SensorReading
from model.level import Level
from model.orders import OrderRecord, OrderState
from model.text import Bilingual

START = datetime(2026, 2, 17, 19, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fact(kind: DeviceKind | Literal["person"], source: str, body: Body, *, s: float = 0.0) -> Fact:
    return Fact(kind=kind, source=source, arrived=at(s), arrived_monotonic_s=s, body=body)


def live(camera: str, s: float, count: float = 10.0, density: float | None = None) -> Fact:
    body = DensityLive(
        at=at(s),
        count=count,
        count_low=count * 0.8,
        count_high=count * 1.2,
        density_p_m2=density,
        model="small",
    )
    return fact(DeviceKind.CAMERA, camera, body, s=s)


def blind(camera: str, s: float, reason: str = "black") -> Fact:
    return fact(
        DeviceKind.CAMERA, camera, DensityBlind(at=at(s), reason=reason, model="small"), s=s
    )


def noise(
    sensor: str, s: float, value: float, seq: int | None = None, quantity: str = "noise"
) -> Fact:
    body = SensorReading(at=at(s), quantity=quantity, value=value, unit="dB(A)", seq=seq)
    return fact(DeviceKind.SENSOR, sensor, body, s=s)


def case(
    case_id: str = "c-1",
    *,
    zone: str = "bridge",
    state: CaseState = CaseState.OPEN,
    s: float = 0.0,
    serial: int = 1,
) -> Case:
    return Case(
        id=case_id,
        subject_kind="zone",
        subject=zone,
        hazard="crowding",
        level=Level.RED,
        state=state,
        opened=at(s),
        changed=at(s),
        text=Bilingual(zh="人多", en="Crowded"),
        serial=serial,
    )


def transition(case_id: str = "c-1", serial: int = 1, s: float = 0.0) -> Transition:
    return Transition(
        case=case_id,
        serial=serial,
        at=at(s),
        actor="rules",
        change=Change.OPENED,
        level=Level.RED,
        reason=Reason.ABOVE_RAISE,
    )


def order(
    order_id: str, counter: int, *, state: OrderState = OrderState.WRITTEN, device: str = "t-1"
) -> OrderRecord:
    return OrderRecord(
        id=order_id,
        kind=DeviceKind.TERMINAL,
        device=device,
        case="c-1",
        action="show",
        counter=counter,
        issued=at(0),
        expires=at(600),
        payload=b'{"id":"x"}',
        state=state,
        changed=at(0),
    )
