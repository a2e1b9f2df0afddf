"""Cases: the open warnings of the room, and the history that every change to one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

import msgspec

from model.actions import Action
from model.calls import Call, CallRole
from model.cases import Case, CaseState, Change, Reason, Transition
from model.level import Level
from model.text import Bilingual


class Unheard(msgspec.Struct, kw_only=True):
    """A terminal whose receipt is missing: for how many seconds, and why if it said so."""

    waited_s: float = 0.0
    why: str | None = None


class CaseFile(msgspec.Struct, kw_only=True):
    """An open case with what the room must remember to carry it through: the file on the desk.

    `told` and `raised` name the plan that reached each terminal and entrance, so that exactly
    these are taken back; `hands_off` are entrances that a person lowered, which this case never
    raises again. `approvals` are (person, session) pairs for the plans in `waiting`.
    `lived_s` is how long the case has lived, `said_s` when in its life each terminal was told last,
    `look_s` when the first may be due again. `unowned_s`, `well_s`, `shelved_s`, `runs_s` and
    these are seconds that passed or are left, not moments, so that they survive a restart.
    `ready` names the agreed plan that would raise an entrance once somebody arms and confirms it.
    `silenced` is the level at which a person took back what was told: only a higher one speaks again.
    `held` are entrances whose lanes could not rise just then: how often they were asked again, and
    the seconds until the next time. `unheard` are terminals that were told and have not answered,
    `told_at` when each was told last. `begun` are plans that have called their people, `calls` counts calls.
    """

    case: Case
    key: str
    unowned_s: float = 0.0
    told: dict[str, str] = {}
    lived_s: float = 0.0
    said_s: dict[str, float] = {}
    look_s: float = 0.0
    raised: dict[str, str] = {}
    hands_off: list[str] = []
    waiting: list[str] = []
    approvals: list[tuple[str, str]] = []
    authorised: list[str] = []
    well_s: float | None = None
    fault: str | None = None
    shelved_s: float | None = None
    runs_s: float | None = None
    ready: dict[str, str] = {}
    held: dict[str, tuple[int, float]] = {}
    silenced: Level | None = None
    unheard: dict[str, Unheard] = {}
    told_at: dict[str, datetime] = {}
    begun: list[str] = []
    calls: int = 0


class Journal:
    """What one step wrote down: changed cases, transitions and actions, in order."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.cases: dict[str, Case] = {}
        self.transitions: list[Transition] = []
        self.actions: list[Action] = []
        self.calls: list[Call] = []

    def note(
        self,
        file: CaseFile,
        *,
        actor: str,
        change: Change,
        reason: Reason,
        detail: Bilingual | None,
    ) -> None:
        """Add one step to a case's history."""
        case = msgspec.structs.replace(file.case, serial=file.case.serial + 1, changed=self.now)
        file.case = case
        self.cases[case.id] = case
        self.transitions.append(
            Transition(
                case=case.id,
                serial=case.serial,
                at=self.now,
                actor=actor,
                change=change,
                level=case.level,
                reason=reason,
                detail=detail,
            )
        )

    def call(self, file: CaseFile, role: CallRole, people: tuple[str, ...]) -> None:
        """People are to be reached about a case."""
        file.calls += 1
        self.calls.append(
            Call(
                id=f"{file.case.id}-c{file.calls}"[-64:],
                case=file.case.id,
                role=role,
                people=people,
                at=self.now,
                zone=file.case.subject,
                level=file.case.level,
                text=file.case.text,
                exercise=file.case.exercise,
            )
        )

    def show(self, file: CaseFile, case: Case) -> None:
        """A case looks another than before; this is no step of its history."""
        if case != file.case:
            file.case = case
            self.cases[case.id] = case


class CaseBook:
    """The open cases, at most one for each key: `zone/hazard`, or `kind:device` for a fault."""

    def __init__(self, new_id: Callable[[], str], files: dict[str, CaseFile]) -> None:
        self._new_id = new_id
        self.files = files
        self._keys = {file.case.id: key for key, file in files.items()}

    def __iter__(self) -> Iterator[CaseFile]:
        return iter(list(self.files.values()))

    def get(self, key: str) -> CaseFile | None:
        """The open case of a key."""
        return self.files.get(key)

    def by_id(self, case: str) -> CaseFile | None:
        """The open case with this id."""
        key = self._keys.get(case)
        return None if key is None else self.files[key]

    def open(
        self,
        journal: Journal,
        key: str,
        *,
        subject_kind: Literal["zone", "device"],
        subject: str,
        hazard: str,
        level: Level,
        text: Bilingual,
        rule: str | None,
        actor: str,
        reason: Reason,
        detail: Bilingual,
        called: Level | None = None,
        exercise: bool = False,
    ) -> CaseFile:
        """Open a case. The key must be free: one breach is one warning."""
        if key in self.files:
            raise ValueError(f"a case is open for {key}")
        case = Case(
            id=self._new_id(),
            subject_kind=subject_kind,
            subject=subject,
            hazard=hazard,
            level=level,
            state=CaseState.OPEN,
            opened=journal.now,
            changed=journal.now,
            text=text,
            rule=rule,
            called=called,
            exercise=exercise,
        )
        file = CaseFile(case=case, key=key)
        self.files[key] = file
        self._keys[case.id] = key
        journal.note(file, actor=actor, change=Change.OPENED, reason=reason, detail=detail)
        return file

    def set_level(
        self,
        journal: Journal,
        file: CaseFile,
        level: Level,
        *,
        text: Bilingual,
        rule: str | None,
        actor: str,
        reason: Reason,
        detail: Bilingual,
    ) -> None:
        """Step a case up or down to another level."""
        up = level.rank > file.case.level.rank
        file.case = msgspec.structs.replace(file.case, level=level, text=text, rule=rule)
        journal.note(
            file,
            actor=actor,
            change=Change.STEPPED_UP if up else Change.STEPPED_DOWN,
            reason=reason,
            detail=detail,
        )

    def close(
        self, journal: Journal, file: CaseFile, *, actor: str, reason: Reason, detail: Bilingual
    ) -> None:
        """Close a case; it keeps its last level and is forgotten here."""
        file.case = msgspec.structs.replace(
            file.case,
            state=CaseState.CLOSED,
            next_escalation=None,
            muted_by=None,
            shelved_until=None,
            waiting=(),
            ready=(),
            gaps=(),
        )
        del self.files[file.key]
        del self._keys[file.case.id]
        journal.note(file, actor=actor, change=Change.CLOSED, reason=reason, detail=detail)
