"""Gaps: terminals that leave a message unanswered, and zones where none is heard, named in the case.

A message that reached nobody must not look as if it had been told. After `gap_after_s` without a
receipt, or at once where a terminal refused or failed, the case names the terminal; its fallback
terminals are told instead and its people are called to walk there. Time while the service was down
does not count: a receipt that waits in the broker comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts import wording
from alerts.cases import CaseFile, Journal, Unheard
from config.broadcasts import Fallback
from config.schema import SiteFile
from model.calls import CallRole
from model.cases import Change, Gap, Reason
from model.facts import DeviceKind
from model.orders import OrderRecord, OrderState
from model.text import Bilingual

_REACHED = frozenset({OrderState.RECEIVED, OrderState.PLAYED, OrderState.CONFIRMED})
_NOT_REACHED = frozenset({OrderState.REFUSED, OrderState.FAILED})
_REWRITTEN = "stale_reissued"
"""The device's counter ran ahead; the same message is under way again as a new order."""

_STAMPED_WITHIN = timedelta(seconds=1)
"""An order is stamped in the step that asks for it, and perhaps rounded on its way through a store."""

NO_RECEIPT = "no_receipt"
NO_TERMINAL = "no_terminal"


class GapDesk:
    """Names who was not reached, for each open case."""

    def __init__(self, site: SiteFile) -> None:
        self._after_s = site.broadcasts.gap_after_s
        self._names = {terminal.id: terminal.name for terminal in site.terminals}
        self._walkers = {zone.id: tuple(zone.walkers or ()) for zone in site.zones}
        self._instead: dict[str, tuple[str, ...]] = {}
        self._people: dict[str, tuple[str, ...]] = {}
        for terminal in site.terminals:
            fallback = terminal.fallback or Fallback()
            walkers = (one for zone in terminal.zones for one in self._walkers.get(zone, ()))
            self._instead[terminal.id] = tuple(fallback.terminals)
            self._people[terminal.id] = tuple(dict.fromkeys(fallback.people or walkers))

    def told(self, file: CaseFile, terminals: Iterable[str], now: datetime) -> None:
        """A message goes out to these; each has its time to answer. A named gap stays named."""
        for terminal in terminals:
            file.unheard.setdefault(terminal, Unheard())
            file.told_at[terminal] = now

    def taken_back(self, journal: Journal, file: CaseFile, terminals: Iterable[str]) -> None:
        """Nothing is meant for these any more, so nothing is missing there."""
        gone = set(terminals)
        for terminal in gone:
            file.unheard.pop(terminal, None)
            file.told_at.pop(terminal, None)
        self._keep(journal, file, [gap for gap in file.case.gaps if gap.terminal not in gone])

    def take(self, journal: Journal, file: CaseFile, record: OrderRecord) -> None:
        """Take in what a terminal said of an order of the case.

        Only the last message counts: a late word on yellow does not say that red was heard. And one
        that could not play has not been reached by receiving once more: it must play.
        """
        terminal = record.device
        if record.kind is not DeviceKind.TERMINAL or terminal not in file.told:
            return
        last = file.told_at.get(terminal)
        if last is not None and record.issued < last - _STAMPED_WITHIN:
            return
        waiting = file.unheard.get(terminal)
        if record.state in _REACHED:
            broken = waiting is not None and waiting.why is not None
            if waiting is not None and not (broken and record.state is OrderState.RECEIVED):
                del file.unheard[terminal]
                self._close(journal, file, terminal)
        elif record.state in _NOT_REACHED and record.reason != _REWRITTEN:
            known = file.unheard.setdefault(terminal, Unheard())
            known.why = record.reason or record.state.value
            known.waited_s = self._after_s
            file.look_s = 0.0

    def let_time_pass(self, journal: Journal, file: CaseFile, seconds: float) -> bool:
        """Name what has waited too long; returns whether other terminals are to be told now."""
        named = {gap.terminal for gap in file.case.gaps}
        late = []
        for terminal, known in file.unheard.items():
            known.waited_s = min(known.waited_s + seconds, self._after_s)
            if known.waited_s >= self._after_s - 1e-6 and terminal not in named:
                late.append((terminal, known.why or NO_RECEIPT))
        people: dict[str, None] = {}
        for terminal, why in late:
            people.update(dict.fromkeys(self._name(journal, file, terminal, why).people))
        if people:
            journal.call(file, CallRole.FALLBACK, tuple(people))
        return bool(late)

    def nobody_hears(self, journal: Journal, file: CaseFile) -> None:
        """A plan has words for a zone, and no terminal that says them there."""
        if any(gap.terminal is None for gap in file.case.gaps):
            return
        people = self._walkers.get(file.case.subject, ())
        self._add(journal, file, Gap(since=journal.now, reason=NO_TERMINAL, people=people))
        if people:
            journal.call(file, CallRole.FALLBACK, people)

    def somebody_hears(self, journal: Journal, file: CaseFile) -> None:
        """The site file was edited, and names terminals for the zone now."""
        self._close(journal, file, None)

    def instead(self, file: CaseFile, meant: Sequence[str]) -> tuple[str, ...]:
        """The terminals that make up for those of `meant` that were named, and for each other."""
        found = dict.fromkeys(meant)
        for _ in file.case.gaps:
            for gap in file.case.gaps:
                if gap.terminal in found:
                    found.update(dict.fromkeys(gap.instead))
        return tuple(terminal for terminal in found if terminal not in meant)

    def _name(self, journal: Journal, file: CaseFile, terminal: str, why: str) -> Gap:
        gap = Gap(
            terminal=terminal,
            since=journal.now,
            reason=why[:64],
            instead=self._instead.get(terminal, ()),
            people=self._people.get(terminal, ()),
        )
        self._add(journal, file, gap)
        return gap

    def _add(self, journal: Journal, file: CaseFile, gap: Gap) -> None:
        self._keep(journal, file, [*file.case.gaps, gap])
        journal.note(
            file,
            actor=gap.terminal or file.case.subject,
            change=Change.GAP_NAMED,
            reason=Reason.NO_TERMINAL if gap.terminal is None else Reason.NOT_ANSWERED,
            detail=wording.gap(
                gap, self._name_of(gap.terminal), tuple(map(self._name_of, gap.instead))
            ),
        )

    def _close(self, journal: Journal, file: CaseFile, terminal: str | None) -> None:
        left = [gap for gap in file.case.gaps if gap.terminal != terminal]
        if len(left) == len(file.case.gaps):
            return
        self._keep(journal, file, left)
        journal.note(
            file,
            actor=terminal or file.case.subject,
            change=Change.GAP_CLOSED,
            reason=Reason.ANSWERED if terminal else Reason.PLAN,
            detail=wording.gap_closed(self._name_of(terminal) if terminal else None),
        )

    def _keep(self, journal: Journal, file: CaseFile, gaps: list[Gap]) -> None:
        journal.show(file, msgspec.structs.replace(file.case, gaps=tuple(gaps)))

    def _name_of(self, terminal: str | None) -> Bilingual:
        name = self._names.get(terminal or "")
        if name is None:
            return Bilingual(zh=terminal or "", en=terminal or "")
        return Bilingual(zh=name.zh, en=name.en)
