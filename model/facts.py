"""Facts: what happened in the field, past and immutable, as devices and people report it.

The structs are the payloads of the MQTT contract without their topic; `Fact` adds who said it and
when it arrived. Bounds stand in the types, so that decoding refuses what cannot be true.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from model.level import Level
from model.text import Bilingual

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$(?!\n)")]
Stamp = Annotated[datetime, msgspec.Meta(tz=True)]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Note = Annotated[str, msgspec.Meta(max_length=500)]
People = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Density = Annotated[float, msgspec.Meta(ge=0, le=50)]
Total = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class DeviceKind(StrEnum):
    """What stands in the field and speaks the contract."""

    CAMERA = "camera"
    COUNTER = "counter"
    SENSOR = "sensor"
    TERMINAL = "terminal"
    BOLLARD = "bollard"
    WORKER = "worker"


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A device's birth or death; a last will carries no time of its own.

    A camera worker adds how many cameras it can carry, its load, a share of its time, whether it is
    too slow for its share, the epoch of the last share that it follows, and how many cameras of that
    are `unknown` to its site file.
    """

    state: Literal["online", "offline"]
    at: Stamp | None = None
    version: Word | None = None
    capacity: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    load: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    overloaded: bool | None = None
    epoch: Total | None = None
    unknown: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None


class DensityLive(msgspec.Struct, frozen=True, kw_only=True, tag_field="sight", tag="live"):
    """People counted in one picture, with bounds, and on calibrated ground their density.

    `peak_p_m2` is the highest density of any 3 m × 3 m window. Motion fields are absent where
    no burst of frames was analysed.
    """

    at: Stamp
    count: People
    count_low: People
    count_high: People
    density_p_m2: Density | None = None
    peak_p_m2: Density | None = None
    speed_m_s: Annotated[float, msgspec.Meta(ge=0, le=20)] | None = None
    direction_deg: Annotated[float, msgspec.Meta(ge=0, le=360)] | None = None
    counterflow: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    pressure_s2: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    model: Word


class DensityBlind(msgspec.Struct, frozen=True, kw_only=True, tag_field="sight", tag="blind"):
    """A camera that sees nothing usable, and why. It has no number: blind is never empty."""

    at: Stamp
    reason: Word
    model: Word


class CounterReading(msgspec.Struct, frozen=True, kw_only=True):
    """A gate counter's totals since its boot, so that a lost message loses nobody."""

    at: Stamp
    boot: Word
    seq: Total
    in_total: Total
    out_total: Total


class SensorReading(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity with its unit, such as noise in dB(A) or water_level in m."""

    at: Stamp
    quantity: Word
    value: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
    unit: Word
    seq: Total | None = None


class SensorAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """A hazard that a detector raises and clears by itself: fire, earthquake, call for help.

    `cleared` says with `raised_at` when its alarm had been raised, so that the last word alone
    tells the whole of it to whoever did not hear the first.
    """

    id: Id
    at: Stamp
    hazard: Id
    state: Literal["raised", "cleared"]
    text: Note | None = None
    raised_at: Stamp | None = None


class ReceiptStage(StrEnum):
    """How far a broadcast got on one terminal."""

    RECEIVED = "received"
    PLAYED = "played"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FAILED = "failed"


class TerminalReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal's word on one order."""

    order: Id
    stage: ReceiptStage
    at: Stamp
    reason: Note | None = None


class BollardResult(StrEnum):
    """What became of one bollard order at the controller."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class BollardReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bollard controller's word on one order."""

    order: Id
    result: BollardResult
    at: Stamp
    reason: Note | None = None


class BollardPosition(StrEnum):
    """Where a lane's bollards stand."""

    UP = "up"
    DOWN = "down"
    MOVING = "moving"
    UNKNOWN = "unknown"


class LoopState(StrEnum):
    """What the vehicle loop under the lane says."""

    CLEAR = "clear"
    OCCUPIED = "occupied"
    FAULT = "fault"


class BollardState(msgspec.Struct, frozen=True, kw_only=True):
    """One lane's position and vehicle loop, at least every second."""

    at: Stamp
    seq: Total
    position: BollardPosition
    loop: LoopState
    loop_age_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    fault: Note | None = None


class Verb(StrEnum):
    """What a person in the monitoring room decided."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ASSIGN = "assign"
    COMMENT = "comment"
    APPROVE = "approve"
    CLOSE = "close"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    MERGE = "merge"
    SEPARATE = "separate"
    CHECK = "check"
    WITHDRAW = "withdraw"
    CALL = "call"
    EXERCISE = "exercise"
    BROADCAST = "broadcast"
    ARM = "arm"
    CONFIRM = "confirm"
    LOWER = "lower"
    STOP = "stop"
    SIGN_ON = "sign_on"
    SIGN_OFF = "sign_off"
    LOOK = "look"
    COUNT = "count"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a person typed for terminals: the words, the words that take them back, and for whom.

    It goes to `terminals`, to those of `groups` and of `zones`, or to `everybody`.
    """

    text: Bilingual
    cancel: Bilingual
    speech: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    terminals: tuple[Id, ...] = ()
    groups: tuple[Id, ...] = ()
    zones: tuple[Id, ...] = ()
    everybody: bool = False
    volume: Annotated[int, msgspec.Meta(ge=0, le=100)] = 70
    repeat_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] | None = None
    exercise: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's decision on a case or device: a fact like any other, named and timed.

    `subject` is a case id; an entrance for arm, confirm, lower and stop; a zone for call and
    exercise, and count; a person for signing on and off; a camera for look; the decision itself for
    broadcast, whose `message` it is, or that decision's id to approve and withdraw it. `hazard` and
    `level` say what is called or exercised, `people` how many were counted in a zone, `minutes` how
    long something is shelved, exercised or told, `into` the case that
    another is merged into, `plan` and `item` which line of a checklist is done.
    """

    at: Stamp
    id: Id
    person: Id
    session: Id
    verb: Verb
    subject: Id
    assignee: Id | None = None
    comment: Note | None = None
    hazard: Id | None = None
    level: Level | None = None
    minutes: Annotated[float, msgspec.Meta(gt=0, le=1440)] | None = None
    into: Id | None = None
    plan: Id | None = None
    item: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None
    people: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    message: Message | None = None


Body = (
    DeviceStatus
    | DensityLive
    | DensityBlind
    | CounterReading
    | SensorReading
    | SensorAlarm
    | TerminalReceipt
    | BollardReceipt
    | BollardState
    | Decision
)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: who said it, when it arrived here, and what it says.

    `kind` is the kind of source as it stands in the topic, or `person`. `field_time` is the
    field's own stamp; where the field gave none (a last will) the arrival counts.
    """

    kind: DeviceKind | Literal["person"]
    source: Id
    arrived: Stamp
    arrived_monotonic_s: float
    body: Body

    @property
    def field_time(self) -> datetime:
        return self.body.at or self.arrived
