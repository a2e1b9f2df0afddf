"""Writing orders: from what a plan asks of a device to signed bytes with a counter that only grows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from config.schema import SiteFile
from model.actions import Broadcast
from model.facts import DeviceKind
from model.orders import BollardOrder, Motion, OrderRecord, OrderState, TerminalOrder
from wire.topics import Topics

Recorded = Callable[[Broadcast], str | None]
"""The `audio` of a message for terminals that only play, or none where there is none. Never waits."""

Sign = Callable[[str, TerminalOrder | BollardOrder], bytes]
"""Signs an order for the topic it will travel on and returns the exact bytes that leave."""


CANCEL_LIVES_S = 7200.0
"""A withdrawal is tried for at least so long: what it takes back may still be on a screen.

A service that starts with its clock an hour ahead does not take one for over, and has an hour to try.
"""

MOTION_LIVES_S = {
    Motion.RAISE: 10.0,  # a raise obeyed late meets another street than the one it was decided for
    Motion.LOWER: 120.0,
    Motion.STOP: 30.0,
    Motion.REPORT: 10.0,
}
_REISSUE_MARK = "-r"


def random_order_id() -> str:
    """An id that no other order of any site will have."""
    return secrets.token_hex(8)


def no_recording(_: Broadcast) -> str | None:
    """For a site without terminals that only play."""
    return None


class OrderWriter:
    """Writes every order of one site, with one counter over all of them.

    `counter` = max(last + 1, Unix milliseconds): it grows through restarts and clock steps as long
    as the highest counter on disk is handed back in.
    """

    def __init__(
        self,
        site: SiteFile,
        sign: Sign,
        *,
        last_counter: int,
        new_id: Callable[[], str],
        recorded: Recorded,
    ) -> None:
        self.topics = Topics(site.site.id)
        self.last_counter = last_counter
        self._sign = sign
        self._key_id = site.keys.key_id
        self._new_id = new_id
        self._recorded = recorded
        self._only_play = frozenset(one.id for one in site.terminals if one.plays is not None)

    def broadcast(
        self, action: Broadcast, device: str, now: datetime, *, withdraws_until: datetime | None
    ) -> OrderRecord:
        """One terminal's order; a cancel lives as long as what it withdraws."""
        expires = now + timedelta(seconds=action.expires_s)
        if action.action == "cancel":
            expires = max(expires, now + timedelta(seconds=CANCEL_LIVES_S), withdraws_until or now)
        order = TerminalOrder(
            id=self._new_id(),
            counter=self._next_counter(now),
            issued=now,
            expires=expires,
            action=action.action,
            warning=action.case,
            level=action.level,
            exercise=action.exercise,
            text=action.text,
            speech=action.speech,
            volume=action.volume,
            repeat_s=action.repeat_s,
            audio=self._recorded(action) if device in self._only_play else None,
            key=self._key_id,
            signature="",
        )
        return self._record(order, DeviceKind.TERMINAL, device, action.case, action.action)

    def motion(
        self, motion: Motion, device: str, now: datetime, *, case: str | None, exercise: bool
    ) -> OrderRecord:
        """One lane's order, short-lived where it moves something against traffic."""
        order = BollardOrder(
            id=self._new_id(),
            counter=self._next_counter(now),
            issued=now,
            expires=now + timedelta(seconds=MOTION_LIVES_S[motion]),
            motion=motion,
            exercise=exercise,
            key=self._key_id,
            signature="",
        )
        return self._record(order, DeviceKind.BOLLARD, device, case, motion.value)

    def again(
        self, old: OrderRecord, now: datetime, *, lasts_s: float | None = None
    ) -> OrderRecord:
        """The same wish as a new order, for a device that had already accepted a later counter.

        `lasts_s` from now where the old order's end was written by a clock that was wrong.
        """
        order: TerminalOrder | BollardOrder
        if old.kind is DeviceKind.TERMINAL:
            order = self._with_recording(
                msgspec.json.decode(old.payload, type=TerminalOrder), old.device
            )
        else:
            order = msgspec.json.decode(old.payload, type=BollardOrder)
        fresh = msgspec.structs.replace(
            order,
            id=f"{self._new_id()}{_REISSUE_MARK}{reissues_of(old.id) + 1}",
            counter=self._next_counter(now),
            issued=now,
            expires=order.expires if lasts_s is None else now + timedelta(seconds=lasts_s),
            key=self._key_id,
            signature="",
        )
        return self._record(fresh, old.kind, old.device, old.case, old.action)

    def _with_recording(self, order: TerminalOrder, device: str) -> TerminalOrder:
        """The order with the recording that there is by now, for a terminal that only plays."""
        if device not in self._only_play:
            return order
        action = Broadcast(
            case=order.warning,
            action=order.action,
            level=order.level,
            terminals=(device,),
            text=order.text,
            speech=order.speech,
            exercise=order.exercise,
        )
        return msgspec.structs.replace(order, audio=self._recorded(action) or order.audio)

    def _next_counter(self, now: datetime) -> int:
        self.last_counter = max(self.last_counter + 1, int(now.timestamp() * 1000))
        return self.last_counter

    def _record(
        self,
        order: TerminalOrder | BollardOrder,
        kind: DeviceKind,
        device: str,
        case: str | None,
        action: str,
    ) -> OrderRecord:
        return OrderRecord(
            id=order.id,
            kind=kind,
            device=device,
            case=case,
            action=action,
            counter=order.counter,
            issued=order.issued,
            expires=order.expires,
            payload=self._sign(self.topics.order(kind, device), order),
            state=OrderState.WRITTEN,
            changed=order.issued,
        )


def reissues_of(order_id: str) -> int:
    """How many times the wish behind this order was already written anew."""
    _, mark, number = order_id.rpartition(_REISSUE_MARK)
    return int(number) if mark and number.isdecimal() else 0


def is_exercise(record: OrderRecord) -> bool:
    """Whether a lane's order was written for practice: it moves nothing."""
    return msgspec.json.decode(record.payload, type=BollardOrder).exercise
