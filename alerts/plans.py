"""Plans: what a warning's level does in the field, who must agree first, and how it is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from alerts import asking_again, checklists, entrances, messages, telling_again, wording
from alerts.cases import CaseBook, CaseFile, Journal
from alerts.gaps import GapDesk
from alerts.messages import UNOWNED_PLAN, public_plan
from alerts.ownership import Refusal
from alerts.quiet_hours import QuietHours
from alerts.reach import Reach
from config.plans import Approval, Plan
from config.schema import SiteFile
from model.cases import Case, CaseState, Change, Reason, WaitingPlan
from model.facts import Decision
from model.level import Level, rank_of
from model.orders import Motion

_PEOPLE = {Approval.NONE: 0, Approval.ONE: 1, Approval.TWO: 2}


class PlanBook:
    """The site's plans, found by zone, hazard and level, and carried out as differences.

    The wanted state of the field follows from the case's level; what is not yet so becomes an
    action, what is no longer wanted is taken back. So nothing is told twice, after a restart too.
    """

    def __init__(self, site: SiteFile) -> None:
        self._plans = {plan.id: plan for plan in site.plans}
        self._public = site.escalation.public
        if self._public is not None:
            self._plans[UNOWNED_PLAN] = public_plan(self._public)
        self._reach = Reach(site)
        self._hours = QuietHours(site)
        self.gaps = GapDesk(site)

    def follow(self, journal: Journal, book: CaseBook, file: CaseFile) -> None:
        """Bring the field to what the case's level asks for, as far as people have agreed."""
        self._bring(journal, book, file, takes_back=True)

    def take_up(self, journal: Journal, book: CaseBook) -> None:
        """After a start: ask for and do what an edited site file adds for the warnings that stand.

        What it lacks is not taken back for that: an edit is no all-clear. Who agreed stays so, by what
        the file asks for now.
        """
        for file in book:
            file.look_s = 0.0
            file.authorised.extend(self._agreed_by_now(file))
            if self._reach.of_zone(file.case.subject):
                self.gaps.somebody_hears(journal, file)
            self._bring(journal, book, file, takes_back=False)
            self._show_waiting(journal, file)

    def _bring(self, journal: Journal, book: CaseBook, file: CaseFile, *, takes_back: bool) -> None:
        acting = self._acting(file)
        self._ask(journal, file)
        show = _highest(acting, lambda plan: self._reached(plan, file))
        barriers = _highest(acting, lambda plan: plan.raise_entrances)
        if takes_back:
            self._withdraw(journal, file, keep=show.keys())
            entrances.lower(journal, book, file, keep=barriers.keys(), over=self._over)
        entrances.make_ready(journal, file, barriers)
        for plan in acting:
            checklists.begin(journal, file, plan)
            self._start(journal, book, file, plan, show=show, barriers=barriers)
        means_zone = any(plan.terminals == "zone" and not _silent(plan, file) for plan in acting)
        if means_zone and not self._reach.of_zone(file.case.subject):
            self.gaps.nobody_hears(journal, file)

    def let_time_pass(self, journal: Journal, file: CaseFile, seconds: float) -> None:
        """Tell again what would soon expire on the terminals while the case still asks for it, and
        ask lanes again that could not rise."""
        asking_again.let_time_pass(journal, file, seconds)
        for plan_id, terminals in telling_again.due(file, seconds, self._plans).items():
            plan = self._plans[plan_id]
            self._show(journal, file, plan, terminals)
            journal.note(
                file,
                actor=plan.id,
                change=Change.PLAN_REPEATED,
                reason=Reason.PLAN,
                detail=wording.tells_again(plan.id, len(terminals)),
            )

    def approve(self, journal: Journal, file: CaseFile, decision: Decision) -> Refusal | None:
        """Take one person's agreement to the plans that wait; returns why not, if not."""
        if not file.waiting:
            return Refusal.NOTHING_TO_APPROVE
        for person, session in file.approvals:
            if person == decision.person:
                return Refusal.SAME_PERSON
            if session == decision.session:
                return Refusal.SAME_SESSION
        file.approvals.append((decision.person, decision.session))
        self._show_waiting(journal, file)
        file.authorised.extend(self._agreed_by_now(file))
        journal.note(
            file,
            actor=decision.person,
            change=Change.APPROVED,
            reason=Reason.PERSON,
            detail=wording.agreed(file.waiting, len(file.approvals)),
        )
        return None

    def tell_public(self, journal: Journal, file: CaseFile) -> None:
        """Nobody took the warning on: the low-risk message goes where nothing is told of it yet."""
        plan = self._plans.get(UNOWNED_PLAN)
        if plan is None or _silent(plan, file):
            return
        zone = self._reach.of_zone(file.case.subject)
        quiet = tuple(terminal for terminal in zone if terminal not in file.told)
        if not quiet:
            return
        self._show(journal, file, plan, quiet)
        journal.note(
            file,
            actor="clock",
            change=Change.PUBLIC_TOLD,
            reason=Reason.UNOWNED,
            detail=wording.public_told(len(quiet)),
        )

    def make_up(self, journal: Journal, book: CaseBook, file: CaseFile) -> None:
        """Tell those that make up for terminals that were just named, the low-risk message too."""
        self.follow(journal, book, file)
        low_risk = self._plans.get(UNOWNED_PLAN)
        if low_risk is None:
            return
        meant = [name for name, plan in file.told.items() if plan == UNOWNED_PLAN]
        silent = tuple(name for name in self.gaps.instead(file, meant) if name not in file.told)
        if silent:
            self._show(journal, file, low_risk, silent)

    def withdraw_by_hand(
        self, journal: Journal, file: CaseFile, decision: Decision
    ) -> Refusal | None:
        """Take back at once what the case told, and let these plans be silent in it from now on."""
        if not file.told:
            return Refusal.NOTHING_TOLD
        gone = sorted(set(file.told.values()))
        file.silenced = file.case.level
        for plan_id in gone:
            self._take_back(
                journal, file, plan_id, [name for name, by in file.told.items() if by == plan_id]
            )
        journal.note(
            file,
            actor=decision.person,
            change=Change.WITHDRAWN,
            reason=Reason.PERSON,
            detail=wording.withdrawn(gone, decision),
        )
        return None

    def approved_beforehand(self, entrance: str) -> bool:
        """Whether a plan that needs nobody would raise this entrance by itself."""
        return any(
            entrance in plan.raise_entrances and plan.approval is Approval.NONE
            for plan in self._plans.values()
        )

    def _show_waiting(self, journal: Journal, file: CaseFile) -> None:
        waiting = tuple(
            WaitingPlan(
                plan=plan,
                needed=_PEOPLE[self._plans[plan].approval],
                approved_by=tuple(person for person, _ in file.approvals),
            )
            for plan in file.waiting
        )
        journal.show(file, msgspec.structs.replace(file.case, waiting=waiting))

    def _candidates(self, case: Case) -> dict[Level, list[Plan]]:
        """The plans that apply at the case's level or below, the highest level first."""
        if case.subject_kind != "zone" or case.state is CaseState.CLOSED:
            return {}
        found: dict[Level, list[Plan]] = {}
        for level in reversed(Level):
            plans = [
                plan
                for plan in self._plans.values()
                if plan.level is level
                and plan.id != UNOWNED_PLAN
                and plan.hazard == case.hazard
                and (plan.zones == "all" or case.subject in plan.zones)
            ]
            if plans and level.rank <= case.level.rank:
                found[level] = plans
        return found

    def _acting(self, file: CaseFile) -> list[Plan]:
        """The plans that may act now: the highest level's, and while one of these waits for
        people, the next lower ones that need nobody, so that the field is not silent meanwhile.
        """
        acting: list[Plan] = []
        for plans in self._candidates(file.case).values():
            free = [plan for plan in plans if self._agreed(file, plan)]
            acting.extend(free)
            if len(free) == len(plans):
                break
        return acting

    def _ask(self, journal: Journal, file: CaseFile) -> None:
        """Note which plans wait for people; agreement to other plans does not carry over."""
        top = next(iter(self._candidates(file.case).values()), [])
        waiting = [plan.id for plan in top if not self._agreed(file, plan)]
        if waiting == file.waiting:
            return
        if not set(waiting) <= set(file.waiting):
            file.approvals = []
        file.waiting = waiting
        self._show_waiting(journal, file)
        for plan in top:
            if plan.id in waiting:
                needed = _PEOPLE[plan.approval] - len(file.approvals)
                journal.note(
                    file,
                    actor=plan.id,
                    change=Change.PLAN_WAITING,
                    reason=Reason.PLAN,
                    detail=wording.waits(plan.id, needed),
                )

    def _agreed(self, file: CaseFile, plan: Plan) -> bool:
        return plan.approval is Approval.NONE or plan.id in file.authorised

    def _agreed_by_now(self, file: CaseFile) -> list[str]:
        """The waiting plans that enough people have agreed to."""
        people = {
            name: _PEOPLE[self._plans[name].approval]
            for name in file.waiting
            if name in self._plans
        }
        return [name for name, needed in people.items() if 0 < needed <= len(file.approvals)]

    def _reached(self, plan: Plan, file: CaseFile) -> Iterable[str]:
        if _silent(plan, file):
            return ()
        meant = tuple(self._reach.of(plan, file.case.subject))
        return (*meant, *self.gaps.instead(file, meant))

    def _show(
        self, journal: Journal, file: CaseFile, plan: Plan, terminals: tuple[str, ...]
    ) -> None:
        """Tell a plan's text on these terminals, and remember that they were told."""
        loudness = self._hours.now(journal.now)
        file.told.update(dict.fromkeys(terminals, plan.id))
        telling_again.note(file, terminals)
        self.gaps.told(file, terminals, journal.now)
        journal.actions.append(messages.show(file.case, plan, terminals, loudness))

    def _start(
        self,
        journal: Journal,
        book: CaseBook,
        file: CaseFile,
        plan: Plan,
        *,
        show: dict[str, Plan],
        barriers: dict[str, Plan],
    ) -> None:
        """Do what a plan asks for and the field does not have yet."""
        tell = tuple(
            terminal
            for terminal, wanted in show.items()
            if wanted is plan
            and file.told.get(terminal) != plan.id
            and not self._eases(file, terminal, plan)
        )
        rise = [
            entrance
            for entrance, wanted in barriers.items()
            if wanted is plan
            and plan.approval is Approval.NONE
            and entrance not in file.raised
            and entrance not in file.hands_off
        ]
        if not tell and not rise:
            return
        journal.note(
            file,
            actor=plan.id,
            change=Change.PLAN_STARTED,
            reason=Reason.PLAN,
            detail=wording.acts(
                plan.id,
                told=len(tell),
                entrances=rise,
                softly=self._hours.now(journal.now).softened(plan.volume, plan.level),
            ),
        )
        if tell:
            self._show(journal, file, plan, tell)
        for entrance in rise:
            already = entrances.claimed(book, file.case, entrance)
            file.raised[entrance] = plan.id
            if not already:
                journal.actions.append(entrances.move(file.case, entrance, Motion.RAISE, plan.id))

    def _eases(self, file: CaseFile, terminal: str, plan: Plan) -> bool:
        """Whether a plan's words would replace a higher plan's at whose level the case still stands: that
        one may wait for people since its site file was edited, and people would take it for an easing."""
        told = self._plans.get(file.told.get(terminal, ""))
        return told is not None and plan.level.rank < told.level.rank <= file.case.level.rank

    def _withdraw(self, journal: Journal, file: CaseFile, *, keep: Iterable[str]) -> None:
        """Take back what was told by plans above the level in force, from those who were told."""
        kept = set(keep)
        gone: dict[str, list[str]] = {}
        for terminal, plan_id in file.told.items():
            if terminal not in kept and self._over(file, plan_id):
                gone.setdefault(plan_id, []).append(terminal)
        for plan_id, terminals in gone.items():
            self._take_back(journal, file, plan_id, terminals)

    def _take_back(
        self, journal: Journal, file: CaseFile, plan_id: str, terminals: list[str]
    ) -> None:
        telling_again.forget(file, terminals)
        for terminal in terminals:
            del file.told[terminal]
        self.gaps.taken_back(journal, file, terminals)
        journal.actions.append(
            messages.cancel(
                file.case,
                self._plans.get(plan_id),
                tuple(terminals),
                self._hours.now(journal.now),
            )
        )

    def _over(self, file: CaseFile, plan_id: str) -> bool:
        """Whether a plan's time is over: closed, stepped down below it, or gone from the site."""
        plan = self._plans.get(plan_id)
        closed = file.case.state is CaseState.CLOSED
        return closed or plan is None or plan.level.rank > file.case.level.rank


def _silent(plan: Plan, file: CaseFile) -> bool:
    """Whether a person took back what the case told at this plan's level or a higher one."""
    return rank_of(file.silenced) >= plan.level.rank


def _highest(acting: list[Plan], targets: Callable[[Plan], Iterable[str]]) -> dict[str, Plan]:
    """Each target with the highest acting plan that names it; `acting` has the highest first."""
    wanted: dict[str, Plan] = {}
    for plan in acting:
        for target in targets(plan):
            wanted.setdefault(target, plan)
    return wanted
