"""What can be wrong with a message that is JSON: its type, its sense, its stamp."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, datetime, timedelta

import msgspec

from model.facts import BollardState, DensityBlind, DensityLive, DeviceStatus, SensorAlarm
from wire.refusals import RefusalReason

AHEAD_LIMIT = timedelta(seconds=60)
BEHIND_LIMIT = timedelta(hours=24)
REPLAYED_BEHIND_LIMIT = timedelta(days=3650)
REPLAYED_STATE_AGE_S = 3600.0

_PATH = re.compile(r" - at `(\$[^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_BOUNDS = re.compile(
    r"[<>]=? |of length|matching regex|Invalid enum value|Invalid value|out of range"
)
_ID_PATTERN = "a-z0-9-]{1,64}"


class RefusedError(Exception):
    """A message cannot be taken as it is: the named reason, the field's path, and plain words.

    `at` is the message's own stamp, where that was the fault.
    """

    def __init__(
        self,
        reason: RefusalReason,
        *,
        where: str = "",
        detail: str = "",
        at: datetime | None = None,
    ) -> None:
        super().__init__(reason.value, where, detail)
        self.at = at
        self.reason = reason
        self.where = where
        self.detail = detail


def type_fault(error: msgspec.ValidationError) -> RefusedError:
    """The named reason and path of a message that does not fit its type."""
    text = str(error)
    path = _PATH.search(text)
    where = path.group(1) if path else "$"
    if missing := _MISSING.search(text):
        where = f"{where}.{missing.group(1)}"
        return RefusedError(RefusalReason.MISSING_FIELD, where=where, detail="missing")
    words = text[: path.start()] if path else text
    if "matching regex" in text and _ID_PATTERN in text:
        return RefusedError(RefusalReason.BAD_ID, where=where, detail="not an id")
    if _BOUNDS.search(text):
        return RefusedError(RefusalReason.OUT_OF_BOUNDS, where=where, detail=words)
    return RefusedError(RefusalReason.WRONG_TYPE, where=where, detail=words)


def check_sense(body: object, members: dict[str, object]) -> None:
    """Refuse what contradicts itself or is no moment: a blind camera with any number, bounds that
    cross, a raising at an end of the calendar, which no other clock can write down.
    """
    if isinstance(body, DensityBlind):
        for name, value in members.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                raise RefusedError(RefusalReason.BLIND_WITH_NUMBER, where=f"$.{name}")
    if isinstance(body, DensityLive) and body.count_low > body.count_high:
        raise RefusedError(RefusalReason.OUT_OF_BOUNDS, where="$.count_low")
    raised_at = body.raised_at if isinstance(body, SensorAlarm) else None
    if raised_at is not None and not MINYEAR < raised_at.year < MAXYEAR:
        raise RefusedError(RefusalReason.OUT_OF_BOUNDS, where="$.raised_at")


def check_stamp(body: object, at: datetime | None, arrived: datetime, *, replayed: bool) -> None:
    """Refuse a stamp too far ahead of or behind its arrival.

    What the broker replays of a status or an alarm is old by nature and still true, so those may
    be years behind; a clock that was never set (1970) is refused all the same.
    """
    if at is None:
        return
    lasting = replayed and isinstance(body, DeviceStatus | SensorAlarm)
    if at - arrived > AHEAD_LIMIT:
        raise RefusedError(RefusalReason.STAMP_AHEAD, where="$.at", detail=str(at), at=at)
    if arrived - at > (REPLAYED_BEHIND_LIMIT if lasting else BEHIND_LIMIT):
        raise RefusedError(RefusalReason.STAMP_BEHIND, where="$.at", detail=str(at), at=at)


def replay_age_s(body: object, arrived: datetime) -> float:
    """How old a replayed message is taken to be, seconds.

    A lane's state that the broker kept is of unknown age: it must never pass for a fresh loop
    reading, so it counts as at least an hour old. A status or an alarm is true until changed.
    """
    if not isinstance(body, BollardState):
        return 0.0
    return max(REPLAYED_STATE_AGE_S, (arrived - body.at).total_seconds())
