"""The ten holding registers by which a lane's PLC is watched and asked.

A table of plain numbers that any PLC programmer can lay out; `docs/modbus.md` says it to them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from model.facts import BollardPosition, BollardResult, LoopState
from model.orders import Motion

COUNT = 10
COMMAND_AT = 8
"""Where the command and its number stand; the registers before them are the PLC's own words."""

NUMBERS = 65_536

_POSITIONS = {1: BollardPosition.DOWN, 2: BollardPosition.MOVING, 3: BollardPosition.UP}
_LOOPS = {0: LoopState.CLEAR, 1: LoopState.OCCUPIED}
_RESULTS = {1: BollardResult.DONE, 2: BollardResult.REFUSED, 3: BollardResult.FAILED}
_REASONS = {1: "loop_not_clear", 2: "contact", 3: "stuck", 4: "overtaken", 5: "lane_moving"}
COMMANDS = {Motion.RAISE: 1, Motion.LOWER: 2, Motion.STOP: 3}

POSITION_CODES = {word: code for code, word in _POSITIONS.items()}
LOOP_CODES = {word: code for code, word in _LOOPS.items()} | {LoopState.FAULT: 2}
RESULT_CODES = {word: code for code, word in _RESULTS.items()}
REASON_CODES = {word: code for code, word in _REASONS.items()}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the registers said at one look."""

    position: BollardPosition
    loop: LoopState
    loop_age_ms: int
    fault: str | None
    heartbeat: int
    answered: int
    result: BollardResult | None
    reason: str | None
    number: int


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A motion to write, under a number that the PLC has not seen last."""

    motion: Motion
    number: int

    def words(self) -> list[int]:
        """The two registers to write."""
        return [COMMANDS[self.motion], self.number]


def reading_of(words: Sequence[int]) -> Reading:
    """The registers' meaning; a code that the table does not have is unknown, or a fault."""
    position, loop, age_ms, fault, heartbeat, answered, result, reason, _, number = words
    return Reading(
        position=_POSITIONS.get(position, BollardPosition.UNKNOWN),
        loop=_LOOPS.get(loop, LoopState.FAULT),
        loop_age_ms=age_ms,
        fault=f"plc-{fault}" if fault else None,
        heartbeat=heartbeat,
        answered=answered,
        result=_RESULTS.get(result),
        reason=_REASONS.get(reason),
        number=number,
    )
