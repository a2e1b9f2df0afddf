"""A small site, a real signer and an outbox on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.schema import SiteFile
from devices.outbox import Outbox
from devices.steps import ActionRefusal, OutboxStep
from model.actions import Action, Broadcast, MoveEntrance
from model.clock import ManualClock
from model.facts import (
    Body,
    BollardPosition,
    BollardReceipt,
    BollardResult,
    BollardState,
    DeviceKind,
    DeviceStatus,
    Fact,
    LoopState,
    ReceiptStage,
    TerminalReceipt,
)
from model.level import Level
from model.orders import FINAL_ORDER_STATES, Motion, OrderRecord
from model.text import Bilingual
from wire.signing import OrderSigner

START = datetime(2025, 2, 12, 19, 0, tzinfo=UTC)
TEXT = Bilingual(zh="请绕行", en="Please take another way")
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = OrderSigner(PRIVATE, "key-1")
KEYS = {"key-1": PRIVATE.public_key()}


def small_site(**changes: Any) -> SiteFile:
    """One zone, one camera, two terminals, and an entrance of two lanes."""
    zone = {
        "id": "bridge",
        "name": {"zh": "桥", "en": "Bridge"},
        "outline": [(0, 0), (10, 0), (10, 10)],
        "usable_area_m2": 50,
        "m2_per_visitor": 1,
    }
    words = {"zh": "甲", "en": "A"}
    parts: dict[str, Any] = {
        "site": {"id": "small", "name": words, "origin": {"lat": 39.9, "lon": 116.4}},
        "broker": {"embedded": True},
        "keys": {"signing_key_file": "signing.key", "key_id": "key-1"},
        "zones": [zone],
        "cameras": [
            {"id": "cam-1", "name": words, "url": "rtsp://127.0.0.1/cam-1", "zones": ["bridge"]}
        ],
        "counters": [{"id": "gate-1", "name": words, "zone": "bridge"}],
        "sensors": [
            {"id": "noise-1", "name": words, "zones": ["bridge"]},
            {"id": "fire-1", "name": words, "zones": ["bridge"], "silent_after_s": 0},
        ],
        "terminals": [
            {"id": "screen-1", "name": words, "zones": ["bridge"]},
            {"id": "screen-2", "name": words, "zones": ["bridge"]},
        ],
        "bollards": [
            {"id": "lane-1", "name": words, "entrance": "east", "lane": 1},
            {"id": "lane-2", "name": words, "entrance": "east", "lane": 2},
        ],
    }
    return SiteFile.model_validate(parts | changes)


class Rig:
    """An outbox with the spine's order of doing things, and a disk that survives a crash."""

    def __init__(self, site: SiteFile | None = None) -> None:
        self.site = site or small_site()
        self.clock = ManualClock(START)
        self.disk: dict[str, OrderRecord] = {}
        self.answered: tuple[OrderRecord, ...] = ()
        self._ids = count(1)
        self._states = count(1)
        self.outbox = self._start(last_counter=0)

    def _start(self, *, last_counter: int) -> Outbox:
        unfinished = [r for r in self.disk.values() if r.state not in FINAL_ORDER_STATES]
        return Outbox(
            self.site,
            SIGNER.sign,
            last_counter=last_counter,
            unfinished=unfinished,
            lately=self.disk.values(),
            now=self.clock.now(),
            mono=self.clock.monotonic(),
            new_id=lambda: f"order-{next(self._ids)}",
        )

    def restart(self) -> None:
        """What a crash leaves is what is on disk."""
        last = max((record.counter for record in self.disk.values()), default=0)
        self.outbox = self._start(last_counter=last)

    def _commit(self, step: OutboxStep) -> OutboxStep:
        self.disk.update({record.id: record for record in step.changed})
        return step

    def plan(self, *actions: Action) -> tuple[ActionRefusal, ...]:
        step = self.outbox.plan(actions, self.clock.now(), self.clock.monotonic())
        return self._commit(step).refused

    def hear(self, kind: DeviceKind, source: str, body: Body) -> None:
        fact = Fact(
            kind=kind,
            source=source,
            arrived=self.clock.now(),
            arrived_monotonic_s=self.clock.monotonic(),
            body=body,
        )
        step = self.outbox.observe([fact], self.clock.now(), self.clock.monotonic())
        self.answered = self._commit(step).answered

    def send(self) -> tuple[OrderRecord, ...]:
        """One round of the spine's end: timers, commit, send, note."""
        self._commit(self.outbox.tick(self.clock.now(), self.clock.monotonic()))
        records = self.outbox.due(self.clock.monotonic())
        ids = [record.id for record in records]
        self.outbox.mark_sent(ids, self.clock.now(), self.clock.monotonic())
        self._commit(self.outbox.tick(self.clock.now(), self.clock.monotonic()))
        return records

    def pass_time(self, seconds: float, *, step_s: float = 0.2) -> list[tuple[float, OrderRecord]]:
        """Let time pass in ticks; what was sent, with the seconds since the beginning."""
        sent: list[tuple[float, OrderRecord]] = []
        passed = 0.0
        while passed < seconds - 1e-9:
            self.clock.advance(step_s)
            passed += step_s
            sent += [(passed, record) for record in self.send()]
        return sent

    # -- what the field says -----------------------------------------------------------------

    def terminal_says(
        self, record: OrderRecord, stage: ReceiptStage, reason: str | None = None
    ) -> None:
        receipt = TerminalReceipt(order=record.id, stage=stage, at=self.clock.now(), reason=reason)
        self.hear(DeviceKind.TERMINAL, record.device, receipt)

    def bollard_says(
        self, record: OrderRecord, result: BollardResult, reason: str | None = None
    ) -> None:
        receipt = BollardReceipt(order=record.id, result=result, at=self.clock.now(), reason=reason)
        self.hear(DeviceKind.BOLLARD, record.device, receipt)

    def lane_says(
        self,
        lane: str,
        position: BollardPosition = BollardPosition.DOWN,
        loop: LoopState = LoopState.CLEAR,
        *,
        loop_age_ms: int = 20,
        fault: str | None = None,
        under_way_s: float = 0.0,
    ) -> None:
        state = BollardState(
            at=self.clock.now() - timedelta(seconds=under_way_s),
            seq=next(self._states),
            position=position,
            loop=loop,
            loop_age_ms=loop_age_ms,
            fault=fault,
        )
        self.hear(DeviceKind.BOLLARD, lane, state)

    def prove_lanes(self, *lanes: str) -> None:
        """Let the lanes be seen clear twice in a row, as a living controller is."""
        for _ in range(2):
            self.clock.advance(0.5)
            for lane in lanes or ("lane-1", "lane-2"):
                self.lane_says(lane)

    def status(self, kind: DeviceKind, device: str, *, online: bool) -> None:
        state = DeviceStatus(state="online" if online else "offline", at=self.clock.now())
        self.hear(kind, device, state)

    def of(self, device: str) -> list[OrderRecord]:
        """All of a device's orders on disk, in counter order."""
        records: Sequence[OrderRecord] = [r for r in self.disk.values() if r.device == device]
        return sorted(records, key=lambda record: record.counter)


def show(case: str = "case-1", *terminals: str, expires_s: float = 600.0) -> Broadcast:
    return Broadcast(
        case=case,
        action="show",
        level=Level.RED,
        terminals=terminals or ("screen-1",),
        text=TEXT,
        speech="请绕行",
        expires_s=expires_s,
    )


def cancel(case: str = "case-1", *terminals: str) -> Broadcast:
    return Broadcast(
        case=case,
        action="cancel",
        level=Level.RED,
        terminals=terminals or ("screen-1",),
        text=TEXT,
    )


def move(motion: Motion) -> MoveEntrance:
    return MoveEntrance(entrance="east", motion=motion, case="case-1", actor="plan")
