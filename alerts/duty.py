"""Duty: who signed on, whose shift it is by the roster, and whom a step of the clock calls."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec

from alerts.ownership import Refusal
from config.schema import SiteFile
from model.calls import CallRole
from model.cases import Case
from model.duty import OnDuty
from model.facts import Decision, Verb

ON_DUTY_MOST_S = 16 * 3600.0
"""Nobody is on duty longer: whoever forgot to sign off is not called all night."""

_ROLES = {
    CallRole.SECOND_PERSON: frozenset({"operator", "commander"}),
    CallRole.COMMANDER: frozenset({"commander"}),
}


class Signed(msgspec.Struct, kw_only=True):
    """One person's sign-on, with the seconds since then that were counted."""

    since: datetime
    for_s: float = 0.0


class DutyDesk:
    """The people of the site on duty. `state` is what a snapshot keeps of it."""

    def __init__(self, site: SiteFile, state: dict[str, Signed]) -> None:
        self._roles = {person.id: frozenset(person.roles) for person in site.people}
        self._roster = site.roster
        self._outside = tuple(site.escalation.outside)
        self._zone = ZoneInfo(site.site.timezone)
        self._state = state
        self._now: datetime | None = None
        for gone in state.keys() - self._roles.keys():
            del state[gone]

    def standing(self) -> tuple[OnDuty, ...]:
        """Who is on duty, in the order of signing on."""
        return tuple(OnDuty(person=name, since=one.since) for name, one in self._state.items())

    def pass_time(self, now: datetime, seconds: float) -> bool:
        """Let time pass; returns whether somebody's duty ended by it."""
        self._now = now
        over = []
        for person, signed in self._state.items():
            signed.for_s += seconds
            if signed.for_s > ON_DUTY_MOST_S:
                over.append(person)
        for person in over:
            del self._state[person]
        return bool(over)

    def decide(self, decision: Decision, now: datetime) -> Refusal | None:
        """A person signs on or off; returns why not, if not."""
        on = decision.person in self._state
        if decision.verb is Verb.SIGN_ON:
            if on:
                return Refusal.ALREADY_ON_DUTY
            self._state[decision.person] = Signed(since=now)
            return None
        if not on:
            return Refusal.NOT_ON_DUTY
        del self._state[decision.person]
        return None

    def whom(self, role: CallRole, case: Case) -> tuple[str, ...]:
        """Whom a step calls: who is on duty, else whose shift it is, else everybody of the role.

        The second person is another than the one whom the case was assigned to.
        """
        if role is CallRole.OUTSIDE_CONTACT:
            return self._outside
        able = [
            person
            for person, roles in self._roles.items()
            if roles & _ROLES[role] and person not in self._outside
        ]
        if role is CallRole.SECOND_PERSON:
            able = [person for person in able if person != case.owner] or able
        shift = self._on_shift()
        on_duty = [person for person in able if person in self._state]
        return tuple(on_duty or [person for person in able if person in shift] or able)

    def _on_shift(self) -> frozenset[str]:
        if self._now is None:
            return frozenset()
        local = self._now.astimezone(self._zone).time()
        return frozenset(
            person
            for shift in self._roster
            if within(local, shift.start, shift.end)
            for person in shift.people
        )


def within(local: time, start: time, end: time) -> bool:
    """Whether a time of day lies in a span that may go over midnight; equal ends are a whole day."""
    if start < end:
        return start <= local < end
    return local >= start or local < end
