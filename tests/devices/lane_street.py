"""A lane by the contract in a street of its own, and an observer that knows only what arrived.

Neither shares a line with the interlock: the numbers of the contract are written down once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from model.facts import BollardPosition, BollardState, LoopState
from model.orders import BollardOrder, Motion, OrderRecord
from tests.devices.rig import KEYS
from wire.signing import verify_order

FRESH_S, LOOP_FRESH_MS, UNDER_WAY_S, IN_A_ROW_S = 2.0, 500, 2.0, 3.0
ROUNDING_S = 1e-6
AT_REST = frozenset({BollardPosition.UP, BollardPosition.DOWN})

Answer = tuple[str, str, str | None]
"""A receipt to come: the order's id, its result, and the reason."""


@dataclass
class Street:
    """A lane and what stands on it. Its loop may lie, be broken or give old samples."""

    vehicle: bool = False
    loop: str = "honest"
    fault: str | None = None
    position: BollardPosition = BollardPosition.DOWN
    running: str | None = None
    seq: int = 0
    highest: int = 0
    answers: dict[str, Answer | None] = field(default_factory=dict)
    begun: list[Motion] = field(default_factory=list)

    def state(self, now: datetime) -> BollardState:
        """What the lane says of itself."""
        self.seq += 1
        seen = LoopState.OCCUPIED if self.vehicle else LoopState.CLEAR
        told = {"lies": LoopState.CLEAR, "broken": LoopState.FAULT}.get(self.loop, seen)
        return BollardState(
            at=now,
            seq=self.seq,
            position=self.position,
            loop=told,
            loop_age_ms=LOOP_FRESH_MS + 1 if self.loop == "old" else LOOP_FRESH_MS,
            fault=self.fault,
        )

    def take(self, order: BollardOrder, now: datetime) -> list[Answer]:
        """Obey an order at most once; its own loop has the last word on a raise."""
        if order.id in self.answers:
            known = self.answers[order.id]
            return [] if known is None else [known]
        if order.counter <= self.highest:
            return [self._answer(order.id, "refused", "stale")]
        if now >= order.expires and order.motion is not Motion.STOP:
            return [self._answer(order.id, "refused", "expired")]
        self.highest = order.counter
        if order.motion is Motion.REPORT or order.exercise:
            return [self._answer(order.id, "done", None)]
        if order.motion is Motion.RAISE:
            return self._rise(order)
        return self._give_way(order)

    def _rise(self, order: BollardOrder) -> list[Answer]:
        if self.running is not None or self.vehicle:
            return [self._answer(order.id, "refused", "loop_not_clear")]
        self._begin(order)
        return []

    def _give_way(self, order: BollardOrder) -> list[Answer]:
        overtaken = self._settle("failed", "overtaken")
        self._begin(order)
        if order.motion is Motion.LOWER:
            return overtaken
        self.position = BollardPosition.UNKNOWN
        return overtaken + self._settle("done", None)

    def _begin(self, order: BollardOrder) -> None:
        self.answers[order.id] = None
        self.begun.append(order.motion)
        self.running, self.position = order.id, BollardPosition.MOVING

    def arrive(self) -> list[Answer]:
        """The mechanics come to their end."""
        if self.running is None:
            return []
        up = self.begun[-1] is Motion.RAISE
        self.position = BollardPosition.UP if up else BollardPosition.DOWN
        return self._settle("done", None)

    def boot(self) -> None:
        """Power was away: it counts its states from the beginning, and remembers its orders."""
        self.seq, self.running, self.fault = 0, None, None
        if self.position is BollardPosition.MOVING:
            self.position = BollardPosition.UNKNOWN

    def _settle(self, result: str, why: str | None) -> list[Answer]:
        order, self.running = self.running, None
        return [] if order is None else [self._answer(order, result, why)]

    def _answer(self, order: str, result: str, why: str | None) -> Answer:
        self.answers[order] = (order, result, why)
        return order, result, why


@dataclass(frozen=True)
class Heard:
    """One state with its arrival: monotonic seconds, and how long it was under way."""

    mono: float
    under_way_s: float
    state: BollardState


def why_unsafe(heard: Sequence[Heard], mono: float) -> str | None:
    """Why nothing that arrived since the service's start or the lane's goodbye allows a raise."""
    if not heard:
        return "never heard"
    newest = max((each.state for each in heard), key=lambda state: (state.at, state.seq))
    first = next(each for each in heard if each.state == newest)
    before = [each for each in heard if each.state != newest and each.mono <= first.mono]
    if not any(first.mono - each.mono <= IN_A_ROW_S + ROUNDING_S for each in before):
        return "one state alone"
    wrong = {
        "not fresh": mono - first.mono > FRESH_S + ROUNDING_S,
        "long under way": first.under_way_s > UNDER_WAY_S + ROUNDING_S,
        "loop not clear": newest.loop is not LoopState.CLEAR,
        "loop sampled long ago": newest.loop_age_ms > LOOP_FRESH_MS,
        "not at rest": newest.position not in AT_REST,
        "at fault": newest.fault is not None,
    }
    return next((words for words, is_so in wrong.items() if is_so), None)


WRONG: dict[str, tuple[str, object]] = {
    "a vehicle comes": ("vehicle", True),
    "its loop breaks": ("loop", "broken"),
    "its loop gives no new sample": ("loop", "old"),
    "it has a fault": ("fault", "stuck"),
    "it moves": ("position", BollardPosition.MOVING),
    "it does not know where it is": ("position", BollardPosition.UNKNOWN),
}


def order_of(record: OrderRecord) -> BollardOrder:
    order = verify_order(f"yinding/v1/small/bollard/{record.device}/order", record.payload, KEYS)
    assert isinstance(order, BollardOrder)
    return order
