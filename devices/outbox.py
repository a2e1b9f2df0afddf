"""The outbox: every order from its decision to its receipt, written before sent, never dropped.

A pure decider. In one transaction the caller stores the facts of a batch and what `observe`,
`plan` and `tick` changed; after the commit it sends what `due` returns and tells `mark_sent`.
Orders lost in a crash are handed back as `unfinished` and go on where they stood; `lately` are the last
orders, also those that are over, of which a device may still speak. Deadlines run
on the monotonic clock while the process lives, and are taken from the wall clock after a restart,
so that a step of the wall clock neither drops nor revives an order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from config.schema import SiteFile
from devices.crossing import LastLeft, crossing_of, crossing_resumed, recall, settle
from devices.interlock import LaneWatch, RaiseRefusal
from devices.motions import RaiseStep, raise_step
from devices.pending import LAST_REPEAT_S, Pending, PendingOrders, repeat_after_s
from devices.receipts import CLOCK_UNSET, EXPIRED, STALE, ReceiptVerdict, state_after
from devices.steps import ActionRefusal, EndReason, OutboxStep, PlanRefusal
from devices.writing import (
    OrderWriter,
    Recorded,
    Sign,
    is_exercise,
    no_recording,
    random_order_id,
    reissues_of,
)
from model.actions import Action, Broadcast, MoveEntrance
from model.facts import (
    BollardReceipt,
    BollardState,
    DeviceKind,
    DeviceStatus,
    Fact,
    TerminalReceipt,
)
from model.orders import FINAL_ORDER_STATES, Motion, OrderRecord, OrderState

REISSUES_MAX = 8
"""A device whose counter ran ahead for good (a store from a backup) is given up after so many."""

UNCONFIRMED_S = 0.5
"""An order handed out by `due` and not marked as sent is handed out again after so long."""

ASK_AFTER_S = 3.0
SETTLE_S = {DeviceKind.TERMINAL: 60.0, DeviceKind.BOLLARD: 20.0}
"""How long after its expiry an order that did reach its device may still bring its last receipt."""

CONFIRM_S = 3600.0
"""How long after its expiry a person may still confirm what was played."""


class Outbox:
    """Orders of one site on their way to its terminals and bollard lanes."""

    def __init__(
        self,
        site: SiteFile,
        sign: Sign,
        *,
        last_counter: int,
        unfinished: Iterable[OrderRecord],
        lately: Iterable[OrderRecord] = (),
        now: datetime,
        mono: float,
        new_id: Callable[[], str] = random_order_id,
        recorded: Recorded = no_recording,
    ) -> None:
        records = sorted(unfinished, key=lambda record: record.counter)
        highest = max([last_counter, *(record.counter for record in records)])
        self.receipt_counts: Counter[ReceiptVerdict] = Counter()
        self._writer = OrderWriter(
            site, sign, last_counter=highest, new_id=new_id, recorded=recorded
        )
        self._orders = PendingOrders()
        self._terminals = frozenset(terminal.id for terminal in site.terminals)
        self._lanes = {bollard.id: LaneWatch() for bollard in site.bollards}
        self._entrances: dict[str, list[str]] = {}
        for bollard in sorted(site.bollards, key=lambda each: (each.entrance, each.lane)):
            self._entrances.setdefault(bollard.entrance, []).append(bollard.id)
        left = recall(self._orders, lately)
        for record in records:
            if record.state not in FINAL_ORDER_STATES:
                self._resume(record, left, now, mono)

    @property
    def last_counter(self) -> int:
        """The highest counter ever written; it must be on disk before its order is sent."""
        return self._writer.last_counter

    @property
    def open_orders(self) -> tuple[OrderRecord, ...]:
        """All orders that are not over yet."""
        return tuple(pending.record for pending in self._orders)

    def topic_of(self, record: OrderRecord) -> str:
        """Where an order is published."""
        return self._writer.topics.order(record.kind, record.device)

    def plan(self, actions: Sequence[Action], now: datetime, mono: float) -> OutboxStep:
        """Write the orders that the actions ask for, and withdraw those they overtake."""
        refused: list[ActionRefusal] = []
        for action in actions:
            if isinstance(action, Broadcast):
                self._broadcast(action, now, mono, refused)
            else:
                self._move(action, now, mono, refused)
        return self._step(refused)

    def observe(self, facts: Iterable[Fact], now: datetime, mono: float) -> OutboxStep:
        """Take in receipts, lane states and returning devices."""
        answered: set[str] = set()
        for fact in facts:
            body = fact.body
            if isinstance(body, TerminalReceipt | BollardReceipt):
                verdict = self._receipt(fact, body, now, mono)
                self.receipt_counts[verdict] += 1
                if verdict is ReceiptVerdict.TAKEN:
                    answered.add(body.order)
            elif isinstance(body, BollardState):
                self._lane_state(fact, body, now)
            elif isinstance(body, DeviceStatus):
                self._status(fact, body, mono)
        self._orders.answers.heard(len(answered), mono)
        changed = self._orders.take_changed()
        said = tuple(record for record in changed if record.id in answered)
        return OutboxStep(changed=changed, answered=said)

    def tick(self, now: datetime, mono: float) -> OutboxStep:
        """Do what time alone brings about: expiries, and asking after raises without a receipt."""
        for pending in self._orders.take_ended(mono):
            self._end(pending, now, mono)
        for pending in self._orders.of_kind(DeviceKind.BOLLARD):
            if pending.record.action == Motion.RAISE and pending.record.device in self._lanes:
                self._watch_raise(pending, now, mono)
        return self._step()

    def due(self, mono: float) -> tuple[OrderRecord, ...]:
        """What to send now, by growing counter; call it after the commit.

        With a terminal's order go its earlier ones that brought no receipt, so that a device back
        on line sees them in order. A raise leaves only past a fresh look at its lane.
        """
        sending: dict[str, Pending] = {}
        for pending in self._orders.take_due(mono):
            record = pending.record
            if not pending.may_leave(mono):
                continue
            self._orders.send_at(pending, mono + UNCONFIRMED_S)
            if record.action == Motion.RAISE and not self._may_rise(pending, mono):
                continue
            for earlier in self._orders.of(record.kind, record.device):
                is_earlier = earlier.record.counter < record.counter and _in_order(record)
                if is_earlier and earlier.unreceipted and earlier.may_leave(mono):
                    sending[earlier.record.id] = earlier
            sending[record.id] = pending
        return tuple(sorted((p.record for p in sending.values()), key=lambda each: each.counter))

    def mark_sent(self, ids: Iterable[str], now: datetime, mono: float) -> None:
        """Note that these left; what this changed comes with the next step."""
        for order_id in ids:
            pending = self._orders.get(order_id)
            if pending is None:
                continue
            pending.tries += 1
            pending.sent = mono
            self._orders.count_sending(pending, now)
            if pending.record.action == Motion.RAISE:
                pending.ask_at, pending.asked = mono + ASK_AFTER_S, None
                self._orders.send_at(pending, None)
            elif pending.unreceipted:
                self._orders.send_at(pending, mono + repeat_after_s(order_id, pending.tries))
            else:
                self._orders.send_at(pending, mono + LAST_REPEAT_S)

    def lane_refusal(self, lane: str, mono: float) -> RaiseRefusal | None:
        """Why a lane could not rise at this moment; None where it could. KeyError if unknown."""
        return self._lanes[lane].raise_refusal(mono)

    # -- writing ---------------------------------------------------------------------------

    def _broadcast(
        self, action: Broadcast, now: datetime, mono: float, refused: list[ActionRefusal]
    ) -> None:
        for device in action.terminals:
            if device not in self._terminals:
                refused.append(
                    ActionRefusal(action=action, device=device, reason=PlanRefusal.UNKNOWN_TERMINAL)
                )
                continue
            why = EndReason.CANCELLED if action.action == "cancel" else EndReason.SUPERSEDED
            told = [
                pending
                for pending in self._orders.of(DeviceKind.TERMINAL, device)
                if pending.record.case == action.case
            ]
            until = max((pending.record.expires for pending in told), default=None)
            record = self._writer.broadcast(action, device, now, withdraws_until=until)
            crossing = crossing_of(told, record, mono)
            for pending in told:
                if pending.unreceipted:
                    self._orders.finish(pending, OrderState.WITHDRAWN, why, now)
            deadline = _deadline(record, now, mono)
            self._orders.open(record, deadline, send=mono, crossing=crossing)

    def _move(
        self, action: MoveEntrance, now: datetime, mono: float, refused: list[ActionRefusal]
    ) -> None:
        lanes = self._entrances.get(action.entrance, [])
        if not lanes:
            reason = PlanRefusal.UNKNOWN_ENTRANCE
            refused.append(ActionRefusal(action=action, device=action.entrance, reason=reason))
        for lane in lanes:
            why_not = self._motion_refusal(action, lane, mono)
            if why_not is not None:
                refused.append(ActionRefusal(action=action, device=lane, reason=why_not))
                continue
            self._overtake(action.motion, lane, now)
            record = self._writer.motion(
                action.motion, lane, now, case=action.case, exercise=action.exercise
            )
            self._orders.open(record, _deadline(record, now, mono), send=mono)

    def _motion_refusal(
        self, action: MoveEntrance, lane: str, mono: float
    ) -> PlanRefusal | RaiseRefusal | None:
        """Why a lane is not asked. An exercise waits for whatever is real, and nothing real for it."""
        running = [
            is_exercise(pending.record)
            for pending in self._orders.of(DeviceKind.BOLLARD, lane)
            if pending.record.action != Motion.REPORT
        ]
        if action.exercise and not all(running):
            return PlanRefusal.ORDER_RUNNING
        if action.motion is not Motion.RAISE:
            return None
        if action.exercise in running:
            return PlanRefusal.ORDER_RUNNING
        return self._lanes[lane].raise_refusal(mono)

    def _overtake(self, motion: Motion, lane: str, now: datetime) -> None:
        """A stop or lower takes back every motion still open; a report only an older report."""
        why = EndReason.STOPPED if motion is Motion.STOP else EndReason.SUPERSEDED
        for pending in self._orders.of(DeviceKind.BOLLARD, lane):
            same_sort = (pending.record.action == Motion.REPORT) == (motion is Motion.REPORT)
            if same_sort:
                self._orders.finish(pending, OrderState.WITHDRAWN, why, now)

    def _resume(self, record: OrderRecord, left: LastLeft, now: datetime, mono: float) -> None:
        """Go on with an order of the life before; a raise may have left, so its lane is asked."""
        lives_s = (record.expires - record.issued).total_seconds()
        left_s = min((record.expires - now).total_seconds(), lives_s)
        pending = Pending(record=record, deadline=mono + left_s, next_send=None)
        pending.crossing = crossing_resumed(left, record, now, mono)
        if record.action == Motion.RAISE:
            pending.sent = pending.ask_at = mono
        elif record.state is not OrderState.PLAYED:
            spread_s = repeat_after_s(record.id, 1) if record.attempts else 0.0
            pending.next_send = max(mono + spread_s, pending.not_before)
        self._orders.add(pending)

    # -- what the field says ---------------------------------------------------------------

    def _receipt(
        self, fact: Fact, body: TerminalReceipt | BollardReceipt, now: datetime, mono: float
    ) -> ReceiptVerdict:
        pending = self._orders.get(body.order)
        record = pending.record if pending else self._orders.finished(body.order)
        if record is None:
            return ReceiptVerdict.UNKNOWN_ORDER
        if record.device != fact.source or record.kind != fact.kind:
            return ReceiptVerdict.WRONG_DEVICE
        outcome = state_after(record.state, body)
        if isinstance(outcome, ReceiptVerdict):
            settle(self._orders, record, body, now, mono)
            return outcome
        if pending is None:
            self._orders.correct(record, outcome, now)
        elif outcome is OrderState.REFUSED:
            self._refused(pending, body.reason, now, mono)
        elif outcome in FINAL_ORDER_STATES:
            self._orders.finish(pending, outcome, body.reason, now)
        else:
            self._orders.advance(pending, outcome, body.reason, now)
            if outcome is OrderState.RECEIVED:
                # A lost word on playing comes back when the same order is sent once more.
                self._orders.send_at(pending, mono + LAST_REPEAT_S)
        return ReceiptVerdict.TAKEN

    def _refused(self, pending: Pending, reason: str | None, now: datetime, mono: float) -> None:
        """A refusal ends an order, unless the device only could not judge or count it right.

        `clock_unset`: the device booted and does not know the time yet; the same order is sent
        again. `stale`: a later order overtook this one; it is written anew, once each. `expired`, of a
        terminal, before this order's time is over: one of the two clocks is wrong, and a service that
        just started may have ours set right by the field any moment; it is written anew, later each
        time. A raise never comes back by itself.
        """
        record = pending.record
        if reason == CLOCK_UNSET and record.kind is DeviceKind.TERMINAL:
            pending.hold_reason = reason
            return
        wanted = record.action not in (Motion.RAISE, Motion.REPORT) and mono < pending.deadline
        again = reissues_of(record.id) + 1
        late = reason == EXPIRED and record.kind is DeviceKind.TERMINAL
        if not (late or reason == STALE) or not wanted or again > REISSUES_MAX:
            self._orders.finish(pending, OrderState.REFUSED, reason, now)
            return
        self._orders.finish(pending, OrderState.REFUSED, EndReason.STALE_REISSUED, now)
        new = self._writer.again(record, now, lasts_s=pending.deadline - mono if late else None)
        wait_s = 0.0 if again == 1 and not late else repeat_after_s(new.id, again)
        self._orders.open(new, pending.deadline, send=mono + wait_s)

    def _lane_state(self, fact: Fact, state: BollardState, now: datetime) -> None:
        lane = self._lanes.get(fact.source)
        mono = fact.arrived_monotonic_s
        if lane is None or not lane.hear(state, fact.arrived, mono):
            return
        for pending in self._orders.of(DeviceKind.BOLLARD, fact.source):
            asked = pending.record.action == Motion.REPORT
            if asked and pending.sent is not None and pending.sent < mono:
                self._orders.finish(pending, OrderState.DONE, EndReason.SEEN_BY_STATE, now)

    def _status(self, fact: Fact, status: DeviceStatus, mono: float) -> None:
        if status.state == "offline":
            if fact.kind == DeviceKind.BOLLARD and fact.source in self._lanes:
                self._lanes[fact.source].said_goodbye()
            return
        if fact.kind == DeviceKind.TERMINAL:
            for pending in self._orders.of(DeviceKind.TERMINAL, fact.source):
                if pending.unreceipted:
                    pending.tries = 0
                    self._orders.send_at(pending, max(mono, pending.not_before))

    # -- what time brings ------------------------------------------------------------------

    def _may_rise(self, pending: Pending, mono: float) -> bool:
        why_not = self._lanes[pending.record.device].raise_refusal(mono)
        pending.hold_reason = why_not
        return why_not is None

    def _watch_raise(self, pending: Pending, now: datetime, mono: float) -> None:
        step = raise_step(pending, self._lanes[pending.record.device], mono)
        if step is RaiseStep.SETTLE:
            self._orders.finish(pending, OrderState.DONE, EndReason.SEEN_BY_STATE, now)
        elif step is RaiseStep.WAIT:
            pending.ask_at, pending.asked = mono + ASK_AFTER_S, None
        elif step is RaiseStep.REPEAT:
            pending.ask_at, pending.asked = None, None
            self._orders.send_at(pending, mono)
        elif step is RaiseStep.ASK:
            record = pending.record
            self._overtake(Motion.REPORT, record.device, now)
            report = self._writer.motion(
                Motion.REPORT, record.device, now, case=record.case, exercise=False
            )
            self._orders.open(report, _deadline(report, now, mono), send=mono)
            pending.asked = mono

    def _end(self, pending: Pending, now: datetime, mono: float) -> None:
        """An order's time is over: name the gap, unless its device may still say the last word."""
        record = pending.record
        reached = not pending.unreceipted or (
            record.kind is DeviceKind.BOLLARD and pending.sent is not None
        )
        if record.state is OrderState.PLAYED:
            settled = pending.deadline + CONFIRM_S
            if mono < settled:
                self._orders.end_at(record.id, settled)
            else:
                self._orders.drop(record)
            return
        settled = pending.deadline + (SETTLE_S[record.kind] if reached else 0.0)
        if mono < settled:
            self._orders.end_at(record.id, settled)
        elif record.state is OrderState.RECEIVED:
            self._orders.finish(pending, OrderState.EXPIRED, EndReason.NEVER_PLAYED, now)
        elif record.action == Motion.RAISE and pending.hold_reason and pending.sent is None:
            self._orders.finish(pending, OrderState.REFUSED, pending.hold_reason, now)
        else:
            sent = pending.sent is not None or record.attempts > 0
            why = EndReason.NEVER_RECEIPTED if sent else EndReason.NEVER_SENT
            self._orders.finish(pending, OrderState.EXPIRED, pending.hold_reason or why, now)

    def _step(self, refused: Sequence[ActionRefusal] = ()) -> OutboxStep:
        return OutboxStep(changed=self._orders.take_changed(), refused=tuple(refused))


def _in_order(record: OrderRecord) -> bool:
    """Whether a device's earlier open orders go along: terminals forgive it, lanes move."""
    return record.kind is DeviceKind.TERMINAL


def _deadline(record: OrderRecord, now: datetime, mono: float) -> float:
    return mono + (record.expires - now).total_seconds()
