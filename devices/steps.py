"""What one step of the outbox brings: records to store, actions refused, and the named reasons."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from devices.interlock import RaiseRefusal
from model.actions import Action
from model.orders import OrderRecord


class PlanRefusal(StrEnum):
    """Why an action became no order, apart from the interlock's reasons."""

    UNKNOWN_TERMINAL = "unknown_terminal"
    UNKNOWN_ENTRANCE = "unknown_entrance"
    ORDER_RUNNING = "order_running"


class EndReason(StrEnum):
    """Our own reasons for an order's end."""

    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"
    STALE_REISSUED = "stale_reissued"
    NEVER_RECEIPTED = "never_receipted"
    NEVER_PLAYED = "never_played"
    NEVER_SENT = "never_sent"
    SEEN_BY_STATE = "seen_by_state"
    RECEIVED_ALL_THE_SAME = "received_all_the_same"
    PLAYED_ALL_THE_SAME = "played_all_the_same"


class ActionRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """An action that one device will not be asked to do, and why."""

    action: Action
    device: str
    reason: PlanRefusal | RaiseRefusal


class OutboxStep(msgspec.Struct, frozen=True, kw_only=True):
    """What became different: records to store in this transaction, and what was refused.

    Newly written orders precede nothing else in meaning: a record stands in its last state only.
    `answered` are those of which a device spoke just now; the others changed by our own doing.
    """

    changed: tuple[OrderRecord, ...] = ()
    answered: tuple[OrderRecord, ...] = ()
    refused: tuple[ActionRefusal, ...] = ()
