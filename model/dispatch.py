"""Problems that people report from the ground, and how each travels from report to closing.

A report becomes a *dispatch* at once: the catalogue of the site names the unit that owns its kind
and the deadline for its grade. Every step has a name, a time and a person.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from math import floor
from typing import Annotated

import msgspec

from model.facts import Id, Note, Stamp

Unit = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
CELL_M = 100.0
"""One hectare: the cells of the ground grid are squares of this side."""


class Grade(StrEnum):
    """How grave a problem is; the graver, the nearer its deadline."""

    GENERAL = "general"
    MAJOR = "major"
    SUDDEN = "sudden"


class DispatchState(StrEnum):
    """How far a problem got."""

    SENT = "sent"
    TAKEN = "taken"
    SOLVED = "solved"
    CLOSED = "closed"


class Act(StrEnum):
    """One step in the life of a dispatch."""

    REPORTED = "reported"
    TAKEN = "taken"
    TRANSFERRED = "transferred"
    SOLVED = "solved"
    RETURNED = "returned"
    REMARKED = "remarked"
    CLOSED = "closed"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: who did what and when, with words and pictures."""

    at: Stamp
    actor: Id
    act: Act
    unit: Unit
    note: Note | None = None
    photos: tuple[Id, ...] = ()


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """One problem with its whole history, newest step last.

    `place` is metres east and north of the origin. `made` is when the report was written, which on
    a bad line is before it arrived (`reported`); the deadline counts from the arrival.
    """

    id: Id
    kind: Id
    grade: Grade
    unit: Unit
    state: DispatchState
    made: Stamp
    reported: Stamp
    due: Stamp
    changed: Stamp
    reporter: Id
    taken_by: Id | None = None
    zone: Id | None = None
    place: tuple[float, float] | None = None
    case: Id | None = None
    text: Note = ""
    steps: tuple[Step, ...] = ()

    @property
    def cell(self) -> str | None:
        """The hectare it lies in, such as E2-N1; none where no place is known."""
        return None if self.place is None else cell_of(*self.place)


def cell_of(x_m: float, y_m: float) -> str:
    """The name of the hectare around a place: columns east or west, rows north or south."""
    column, row = floor(x_m / CELL_M), floor(y_m / CELL_M)
    across = f"E{column + 1}" if column >= 0 else f"W{-column}"
    return f"{across}-{f'N{row + 1}' if row >= 0 else f'S{-row}'}"


class Refusal(StrEnum):
    """Why a step was not made."""

    NOT_OPEN = "dispatch_not_open"
    ALREADY_TAKEN = "dispatch_already_taken"
    NOT_YOURS = "dispatch_of_another_unit"
    SAME_UNIT = "dispatch_with_that_unit_already"
    NOT_SOLVED = "dispatch_not_solved"
    REASON_MISSING = "dispatch_reason_missing"


_STATE_AFTER = {
    Act.TAKEN: DispatchState.TAKEN,
    Act.TRANSFERRED: DispatchState.SENT,
    Act.SOLVED: DispatchState.SOLVED,
    Act.RETURNED: DispatchState.SENT,
    Act.CLOSED: DispatchState.CLOSED,
}


def refusal_of(dispatch: Dispatch, act: Act, note: str | None, unit: str | None) -> Refusal | None:
    """Why this step cannot follow, judged by what stands written alone."""
    solved = dispatch.state is DispatchState.SOLVED
    doubts = (
        (dispatch.state is DispatchState.CLOSED, Refusal.NOT_OPEN),
        (act is Act.TAKEN and dispatch.state is not DispatchState.SENT, Refusal.ALREADY_TAKEN),
        (act is Act.SOLVED and solved, Refusal.NOT_OPEN),
        (act is Act.TRANSFERRED and unit == dispatch.unit, Refusal.SAME_UNIT),
        (act in (Act.TRANSFERRED, Act.RETURNED) and not note, Refusal.REASON_MISSING),
        (act is Act.RETURNED and not solved, Refusal.NOT_SOLVED),
        # What nobody solved is closed with words only: they say why it needs no more work.
        (act is Act.CLOSED and not solved and not note, Refusal.NOT_SOLVED),
    )
    return next((reason for holds, reason in doubts if holds), None)


def after(dispatch: Dispatch, step: Step) -> Dispatch:
    """The dispatch once a step is made."""
    taken_by = dispatch.taken_by
    if step.act is Act.TAKEN:
        taken_by = step.actor
    elif step.act in (Act.TRANSFERRED, Act.RETURNED):
        taken_by = None
    return msgspec.structs.replace(
        dispatch,
        state=_STATE_AFTER.get(step.act, dispatch.state),
        unit=step.unit,
        taken_by=taken_by,
        changed=step.at,
        steps=(*dispatch.steps, step),
    )


def is_overdue(dispatch: Dispatch, now: datetime) -> bool:
    """Whether its deadline went by before anybody solved it."""
    return dispatch.state in (DispatchState.SENT, DispatchState.TAKEN) and now > dispatch.due


def passed_on(dispatch: Dispatch, timezone: tzinfo) -> tuple[datetime, datetime]:
    """When an open problem leaves the daily clearing for the weekly one, and that for those above.

    The cell clears what came in by the end of the day, the week's round by the seventh day after;
    what is open then is escalated. Days are the site's own.
    """
    day = dispatch.reported.astimezone(timezone).date()
    midnight = datetime.combine(day, time(), tzinfo=timezone)
    return midnight + timedelta(days=1), midnight + timedelta(days=8)
