"""Announcements: what somebody typed for terminals, told at once or after a second person agreed.

They are no warnings: they lift no zone's level and have no case. An exercise says so in its words,
and neither begins nor goes on where a real warning of orange or red stands.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from alerts import wording
from alerts.cases import CaseBook, Journal
from alerts.exercises import earnest
from alerts.ownership import Refusal
from alerts.quiet_hours import QuietHours
from alerts.reach import Reach
from config.schema import SiteFile
from model.actions import Broadcast
from model.announcements import Announcement
from model.facts import Decision, Message, Verb
from model.level import Level
from model.text import Bilingual

STANDING_MOST = 50


class Announced(msgspec.Struct, kw_only=True):
    """An announcement with the session that it was typed in, and the seconds that it has left.

    `volume` is how loud it was asked to be, where quiet hours do not hold it lower.
    """

    said: Announcement
    session: str
    left_s: float
    volume: int


class AnnouncementDesk:
    """Announcements that stand or wait. `state` is what a snapshot keeps of them."""

    def __init__(self, site: SiteFile, state: dict[str, Announced]) -> None:
        self._state = state
        self._reach = Reach(site)
        self._hours = QuietHours(site)
        self._two_from = site.broadcasts.two_people_from
        self._public = {terminal.id for terminal in site.terminals if terminal.public}
        self._zones = {terminal.id: tuple(terminal.zones) for terminal in site.terminals}

    def standing(self) -> tuple[Announcement, ...]:
        """Every announcement that stands or waits."""
        return tuple(one.said for one in self._state.values())

    def knows(self, name: str) -> bool:
        """Whether an announcement with this id stands or waits."""
        return name in self._state

    def pass_time(self, seconds: float) -> bool:
        """Let time pass; returns whether an announcement ended by it, as it does on its terminals."""
        over = []
        for name, one in self._state.items():
            one.left_s -= seconds
            if one.left_s <= 1e-6:
                over.append(name)
        for name in over:
            del self._state[name]
        return bool(over)

    def live(self, journal: Journal, seconds: float) -> bool:
        """Let time pass, and tell again, as loud as the hour allows, what terminals speak by themselves."""
        changed = self.pass_time(seconds)
        for one in self._state.values():
            spoken = one.said.repeat_s is not None and not one.said.waits
            if spoken and self._volume(journal, one) != one.said.volume:
                self._tell(journal, one)
                changed = True
        return changed

    def review(self, journal: Journal, book: CaseBook) -> None:
        """Where it is earnest now, no exercise is announced any more."""
        for one in list(self._state.values()):
            if one.said.exercise and self._earnest(book, one.said.terminals):
                self._end(journal, one.said)

    def decide(self, journal: Journal, book: CaseBook, decision: Decision) -> Refusal | None:
        """Type, agree to or take back an announcement; returns why not, if not."""
        if decision.verb is Verb.BROADCAST:
            return self._begin(journal, book, decision)
        one = self._state[decision.subject]
        if decision.verb is Verb.APPROVE:
            return self._approve(journal, one, decision)
        self._end(journal, one.said)
        return None

    def _begin(self, journal: Journal, book: CaseBook, decision: Decision) -> Refusal | None:
        if decision.message is None:
            return Refusal.MESSAGE_MISSING
        if decision.level is None:
            return Refusal.LEVEL_MISSING
        if decision.minutes is None:
            return Refusal.END_MISSING
        terminals = self._addressed(decision.message)
        if self.knows(_id_of(decision)):
            return Refusal.DUPLICATE
        refusal = self._may_stand(book, decision.message, terminals)
        if refusal is None:
            self._put(
                journal,
                decision,
                decision.message,
                level=decision.level,
                minutes=decision.minutes,
                terminals=terminals,
            )
        return refusal

    def _may_stand(
        self, book: CaseBook, message: Message, terminals: tuple[str, ...]
    ) -> Refusal | None:
        if not terminals:
            return Refusal.NOBODY_ADDRESSED
        if len(self._state) >= STANDING_MOST:
            return Refusal.TOO_MANY_STAND
        if message.exercise and self._earnest(book, terminals):
            return Refusal.REAL_WARNING_STANDS
        return None

    def _put(
        self,
        journal: Journal,
        decision: Decision,
        message: Message,
        *,
        level: Level,
        minutes: float,
        terminals: tuple[str, ...],
    ) -> None:
        text, cancel, speech = words_of(message)
        said = Announcement(
            id=_id_of(decision),
            person=decision.person,
            made=journal.now,
            until=journal.now + timedelta(minutes=minutes),
            level=level,
            text=text,
            cancel=cancel,
            speech=speech,
            volume=message.volume,
            repeat_s=message.repeat_s,
            exercise=message.exercise,
            terminals=terminals,
            needed=self._people_for(level, terminals),
            agreed=(decision.person,),
        )
        one = Announced(
            said=said, session=decision.session, left_s=minutes * 60.0, volume=message.volume
        )
        self._state[said.id] = one
        if not said.waits:
            self._tell(journal, one)

    def _addressed(self, message: Message) -> tuple[str, ...]:
        if message.everybody:
            return self._reach.everyone
        known = set(self._reach.everyone)
        found = self._reach.together(
            terminals=message.terminals, groups=message.groups, zones=message.zones
        )
        return tuple(terminal for terminal in found if terminal in known)

    def _people_for(self, level: Level, terminals: tuple[str, ...]) -> int:
        """What the public hears from a high level on takes two people."""
        heard_outside = not self._public.isdisjoint(terminals)
        return 2 if heard_outside and level.rank >= self._two_from.rank else 1

    def _earnest(self, book: CaseBook, terminals: tuple[str, ...]) -> bool:
        zones = {zone for terminal in terminals for zone in self._zones.get(terminal, ())}
        return any(earnest(book, zone) for zone in zones)

    def _approve(self, journal: Journal, one: Announced, decision: Decision) -> Refusal | None:
        if not one.said.waits:
            return Refusal.NOTHING_TO_APPROVE
        if decision.person in one.said.agreed:
            return Refusal.SAME_PERSON
        if decision.session == one.session:
            return Refusal.SAME_SESSION
        agreed = (*one.said.agreed, decision.person)
        one.said = msgspec.structs.replace(one.said, agreed=agreed)
        self._tell(journal, one)
        return None

    def _tell(self, journal: Journal, one: Announced) -> None:
        said = one.said
        volume = self._volume(journal, one)
        one.said = said = msgspec.structs.replace(said, volume=volume)
        journal.actions.append(
            Broadcast(
                case=said.id,
                action="show",
                level=said.level,
                terminals=said.terminals,
                text=said.text,
                speech=said.speech,
                volume=volume,
                repeat_s=said.repeat_s,
                expires_s=one.left_s,
                exercise=said.exercise,
            )
        )

    def _volume(self, journal: Journal, one: Announced) -> int:
        return self._hours.now(journal.now).at_most(one.volume, one.said.level)

    def _end(self, journal: Journal, said: Announcement) -> None:
        """Take it back from its terminals; what still waited was never told."""
        del self._state[said.id]
        if said.waits:
            return
        journal.actions.append(
            Broadcast(
                case=said.id,
                action="cancel",
                level=said.level,
                terminals=said.terminals,
                text=said.cancel,
                volume=said.volume,
                exercise=said.exercise,
            )
        )


def words_of(message: Message) -> tuple[Bilingual, Bilingual, str]:
    """What a typed message shows, what takes it back, and what it speaks; an exercise says so first."""
    if not message.exercise:
        return message.text, message.cancel, message.speech
    return (
        wording.exercise_text(message.text),
        wording.exercise_text(message.cancel),
        wording.exercise_speech(message.speech),
    )


def _id_of(decision: Decision) -> str:
    """Under an own prefix: a decision's id is its sender's choice, and must never be a case's here.

    Terminals replace what they show by this id, so that one like a red warning's would take it down.
    """
    return f"said-{decision.id}"[:64]
