"""The observer of a run: what the field lived through, against what it was told and did.

It reads only the script's truth and what devices, the air and the room's screens wrote down, never
the service's belief.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter

import msgspec

from config.schema import SiteFile
from model.level import Level
from simulators.torture import sky
from simulators.torture.evidence import Evidence, Told
from simulators.torture.hazards import Hazard, hazards_of
from simulators.torture.script import Script

ALLOWED_S = 30.0
"""From the end of a hold to the spoken word: a camera's interval, slow lines, one repeat, speech."""

NOTICED_S = 10.0
"""Before an all-clear: a terminal that is back by then is still told what it ends."""

TWICE_WITHIN_S = 45.0
_HELD_BACK = ("stale", "expired")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong: which count it belongs to, when, and what."""

    count: str
    t: float
    what: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to."""

    seed: int
    simulated_s: float
    crossings: int
    orders: int
    raises_asked: int
    forged_sent: int
    faults: dict[str, int]
    digest: str
    steps: int
    found: tuple[Finding, ...]

    def count(self, name: str) -> int:
        return sum(1 for each in self.found if each.count == name)


def observe(site: SiteFile, script: Script, evidence: Evidence, *, digest: str) -> Findings:
    """Judge one run."""
    bench = _Bench(site, script, evidence)
    crossings, missed = bench.crossings()
    found = [
        *missed,
        *bench.wrongly_withdrawn(),
        *bench.left_standing(),
        *bench.doubled(),
        *bench.unowned(),
        *bench.unsafe(),
        *bench.forged(),
        *(Finding(count="crashes", t=t, what=what) for t, what in evidence.crashes),
    ]
    return Findings(
        seed=script.seed,
        simulated_s=script.length_s,
        crossings=crossings,
        orders=len(evidence.orders),
        raises_asked=sum(each.body.get("motion") == "raise" for each in evidence.orders.values()),
        forged_sent=len(evidence.attacks),
        faults=dict(evidence.faults),
        digest=digest,
        steps=evidence.steps,
        found=tuple(sorted(found, key=lambda each: each.t)),
    )


class _Bench:
    def __init__(self, site: SiteFile, script: Script, evidence: Evidence) -> None:
        self._site = site
        self._script = script
        self._log = evidence
        self._end = script.length_s
        self._hazards = hazards_of(script)
        self._service_dark = sky.service_dark(evidence.troubles)
        self._air_dark = sky.air_dark(evidence.troubles)
        self._terminals = {
            zone.id: [each.id for each in site.terminals if zone.id in each.zones]
            for zone in site.zones
        }

    @cached_property
    def _warnings(self) -> dict[str, tuple[str, str]]:
        """Each warning's zone and hazard, as told on the air or in the room."""
        found = {name: (zone, hazard) for _, name, zone, hazard, _ in self._log.warnings}
        found.update({told.case: (told.zone, told.hazard) for told in self._log.told})
        return found

    # -- missed ----------------------------------------------------------------------------

    def crossings(self) -> tuple[int, list[Finding]]:
        """How many true crossings had to be told, and those that no terminal spoke of."""
        judged, missed = 0, []
        for hazard in self._hazards:
            dark = self._dark(hazard)
            for level, threshold in hazard.levels.items():
                for start, end in hazard.truth.above(threshold, self._end):
                    limit = self._alarm_told_until(hazard, start, end) if hazard.is_alarm else end
                    by = sky.first_clear(dark, start, limit, hazard.hold_s + ALLOWED_S)
                    if by is None or self._broker_forgot(hazard, start, by):
                        continue
                    judged += 1
                    if not self._was_told(hazard, level, start, by):
                        what = f"{hazard.zone} {hazard.hazard} {level}: nothing played by {by:.0f}"
                        missed.append(Finding(count="missed", t=start, what=what))
        return judged, missed

    def _alarm_told_until(self, hazard: Hazard, start: float, end: float) -> float:
        """An alarm is told though it was over before anybody could look, but not for ever: once it was
        heard and its all-clear is due, a terminal that was away all the time is to show it no more."""
        heard = sky.first_clear(self._air_dark, start, self._end, 0.0)
        if heard is None:
            return self._end
        all_clear = max(end, heard) + hazard.clear_hold_s
        return min(self._end, all_clear - NOTICED_S + hazard.hold_s + ALLOWED_S)

    def _broker_forgot(self, hazard: Hazard, start: float, by: float) -> bool:
        """An alarm that the broker took and lost with its memory, of a detector whose last word does not
        make up for it; a value is told again. So is one lost that comes after the forgetting and before the service
        listens again."""
        if not (hazard.is_alarm and self._script.terse_detectors):
            return False
        forgot = [at for at, _ in self._log.troubles.of("broker_forgot") if at <= by]
        unheard = [(first, last) for first, last in self._air_dark if first <= start <= last]
        return any(
            start - 5.0 <= at or any(first <= at <= last for first, last in unheard)
            for at in forgot
        )

    def _dark(self, hazard: Hazard) -> list[sky.Stretch]:
        """When this hazard could not be seen, decided on, or told to anybody in its zone."""
        troubles = self._log.troubles
        first, second = (sky.terminal_dark(troubles, name) for name in self._terminals[hazard.zone])
        dark = [*self._air_dark, *sky.common(first, second)]
        if hazard.hazard == "crowding":
            dark += sky.zone_dark(troubles, hazard.zone)
        return sky.merged(dark)

    def _was_told(self, hazard: Hazard, level: Level, start: float, by: float) -> bool:
        return any(
            rank >= level.rank and began <= by and ended >= start
            for began, ended, rank in self._standing[hazard.zone, hazard.hazard]
        )

    @cached_property
    def _standing(self) -> dict[tuple[str, str], list[tuple[float, float, int]]]:
        """From when to when some terminal had spoken a warning and still showed it, by hazard."""
        spoken: dict[tuple[str, str], tuple[float, int]] = {}
        found: dict[tuple[str, str], list[tuple[float, float, int]]] = defaultdict(list)
        for t, entry in self._log.acts:
            if entry.kind != "terminal" or entry.warning is None:
                continue
            key = (entry.device, entry.warning)
            over = entry.what in ("shown", "cancelled")
            if over and key in spoken:
                began, rank = spoken.pop(key)
                found[self._warnings.get(entry.warning, ("", ""))].append((began, t, rank))
            if entry.what == "played" and entry.level is not None:
                spoken[key] = (t, entry.level.rank)
        for (_, warning), (began, rank) in spoken.items():
            found[self._warnings.get(warning, ("", ""))].append((began, self._end, rank))
        return found

    def wrongly_withdrawn(self) -> Iterator[Finding]:
        """Withdrawals while what was warned of stood the whole time: an all-clear that is none.

        A warning that was withdrawn and not shown since is withdrawn no further: a terminal that was
        away is told late, by orders written anew, when the next crowd may stand there.
        """
        by_name = {(each.zone, each.hazard): each for each in self._hazards}
        standing: set[str] = set()
        for order in sorted(self._log.orders.values(), key=attrgetter("t")):
            warning = str(order.body.get("warning"))
            if order.body.get("action") == "show":
                standing.add(warning)
            hazard = by_name.get(self._warnings.get(warning, ("", "")))
            withdraws = order.body.get("action") == "cancel" and warning in standing
            if not withdraws or hazard is None:
                continue
            standing.discard(warning)
            since = order.t - 120.0 - sky.within(self._air_dark, order.t - 900.0, order.t)
            if min(hazard.truth.during(since, order.t)) >= hazard.lowest:
                what = f"{hazard.zone} {hazard.hazard}: withdrawn while it stood"
                yield Finding(count="missed", t=order.t, what=what)

    def left_standing(self) -> Iterator[Finding]:
        """Warnings that still stood on a screen long after everything was calm."""
        by_name = {(each.zone, each.hazard): each for each in self._hazards}
        told: set[tuple[str, str]] = set()
        for t, terminal, warnings in self._log.screens:
            for warning in warnings:
                hazard = by_name.get(self._warnings.get(warning, ("", "")))
                if hazard is None or (terminal, warning) in told:
                    continue
                dark = sky.merged(
                    [*self._dark(hazard), *sky.terminal_dark(self._log.troubles, terminal)]
                )
                since = self._calm_since(hazard, t)
                needed_s = hazard.clear_hold_s + 2 * ALLOWED_S
                if since is None or sky.first_clear(dark, since, t, needed_s) is None:
                    continue
                told.add((terminal, warning))
                what = f"{terminal} still shows {warning} of {hazard.zone} {hazard.hazard}"
                yield Finding(count="missed", t=t, what=what)

    def _calm_since(self, hazard: Hazard, t: float) -> float | None:
        calm = [(a, b) for a, b in hazard.truth.below(hazard.calm_below, self._end) if a <= t < b]
        return calm[0][0] if calm else None

    # -- doubled ---------------------------------------------------------------------------

    def doubled(self) -> Iterator[Finding]:
        """An order acted on twice, the same words said twice, two warnings open for one key."""
        yield from self._acted_twice()
        yield from self._said_twice()
        yield from self._open_twice()

    def _acted_twice(self) -> Iterator[Finding]:
        acts = Counter(
            (act.entry.device, act.entry.order)
            for act in self._log.acts
            if act.entry.what in ("shown", "moved", "cancelled") and act.entry.order
        )
        for (device, order), times in acts.items():
            if times > 1:
                yield Finding(count="doubled", t=0.0, what=f"{device} acted {times} times: {order}")

    def _said_twice(self) -> Iterator[Finding]:
        """The same level of the same warning shown again at once, and nothing else in between."""
        last: dict[tuple[str, str], tuple[float, Level | None]] = {}
        for t, entry in self._log.acts:
            if entry.what not in ("shown", "cancelled") or entry.warning is None:
                continue
            key = (entry.device, entry.warning)
            before = last.get(key)
            last[key] = (t, entry.level)
            if before is None or before[1] is not entry.level or t - before[0] > TWICE_WITHIN_S:
                continue
            if self._truth_moved(entry.warning, before[0] - 10.0, t):
                continue
            if self._began_in_a_wrong_hour(before[0], t):
                continue
            yield Finding(count="doubled", t=t, what=f"{entry.device} was told the same twice")

    def _began_in_a_wrong_hour(self, start: float, end: float) -> bool:
        """The service began anew while its clock was an hour ahead: for all that it could know, its
        words had gone out on the terminals, so it told them again."""
        wrong = self._log.troubles.of("clock_stepped")
        restarts = [b for _, b in self._log.troubles.of("service down") if start <= b <= end]
        return any(a <= at <= b for at in restarts for a, b in wrong)

    def _truth_moved(self, warning: str, start: float, end: float) -> bool:
        name = self._warnings.get(warning, ("", ""))
        return any(
            len(hazard.truth.during(start, end)) > 1
            for hazard in self._hazards
            if (hazard.zone, hazard.hazard) == name
        )

    def _open_twice(self) -> Iterator[Finding]:
        open_now: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for told in self._log.told:
            key = (told.zone, told.hazard)
            if told.state == "closed":
                began = open_now[key].pop(told.case, told.t)
                others = [t for t in open_now[key].values() if t < told.t and began < told.t]
                if others:
                    yield Finding(count="doubled", t=told.t, what=f"two cases open for {key}")
            else:
                open_now[key].setdefault(told.case, told.t)
        for key, cases in open_now.items():
            if len(cases) > 1:
                yield Finding(count="doubled", t=self._end, what=f"two cases left open for {key}")

    # -- unowned ---------------------------------------------------------------------------

    def unowned(self) -> Iterator[Finding]:
        """Warnings that nobody owned past the escalation clock, with nobody called."""
        by_case: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for told in self._log.told:
            by_case[told.case].append((told.t, told.escalation))
        nobodys = _stretches_nobodys(self._log.told, self._end)
        for case, lines in by_case.items():
            for start, end in nobodys[case]:
                for called, after_s in ((1, 30.0), (2, 60.0), (3, 120.0)):
                    by = self._escalated_by(start, after_s)
                    if by > end:
                        break
                    if max(n for t, n in lines if start <= t <= by) < called:
                        what = f"{case}: nobody called after {after_s:.0f} s without an owner"
                        yield Finding(count="unowned", t=by, what=what)
                        break
        yield from self._never_in_the_room(by_case.keys())

    def _escalated_by(self, start: float, after_s: float) -> float:
        """By when the clock must have called, each restart costing a few seconds."""
        by = sky.clear_for(self._service_dark, start, after_s + 10.0)
        restarts = sum(1 for a, _ in self._service_dark if start <= a <= by)
        return sky.clear_for(self._service_dark, by, 6.0 * restarts)

    def _never_in_the_room(self, known: object) -> Iterator[Finding]:
        seen = set(known) if isinstance(known, type({}.keys())) else set()
        for t, entry in self._log.acts:
            if entry.what != "shown" or entry.warning is None or entry.warning in seen:
                continue
            if entry.order is not None and (entry.device, entry.order) not in self._log.orders:
                continue  # forged; counted there
            seen.add(entry.warning)
            if sky.clear_for(self._service_dark, t, ALLOWED_S) < self._end:
                what = f"{entry.warning} was shown and never seen in the room"
                yield Finding(count="unowned", t=t, what=what)

    # -- bollards and strangers ------------------------------------------------------------

    def unsafe(self) -> Iterator[Finding]:
        """Bollards that rose under a vehicle, and raises asked for where one was known to stand."""
        last: dict[str, float] = {}
        for t, lane in self._log.unsafe_moves:
            if t - last.get(lane, -100.0) > 10.0:
                yield Finding(count="unsafe_raises", t=t, what=f"{lane} rose under a vehicle")
            last[lane] = t
        troubles = self._log.troubles
        for order in self._log.orders.values():
            if order.body.get("motion") != "raise":
                continue
            there = troubles.of(f"vehicle {order.device}")
            known = any(a + 10.0 < order.t < b for a, b in there)
            lied = any(a - 1.0 <= order.t <= b for a, b in sky.loop_dark(troubles, order.device))
            if known and not lied:
                what = f"{order.device} asked to rise with a vehicle long on its loop"
                yield Finding(count="unsafe_raises", t=order.t, what=what)

    def forged(self) -> Iterator[Finding]:
        """Orders of a stranger that a device obeyed, at once or later."""
        for attack in self._log.attacks:
            if attack.obeyed:
                what = f"{attack.device} obeyed a {attack.kind} order"
                yield Finding(count="forged_obeyed", t=attack.t, what=what)
        held = {(a.device, a.order): a.t for a in self._log.attacks if a.kind in _HELD_BACK}
        for t, entry in self._log.acts:
            struck = held.get((entry.device, entry.order or ""), t)
            if entry.what == "moved" and 0.0 < t - struck < 15.0:
                what = f"{entry.device} moved by {entry.order}, which was held back"
                yield Finding(count="forged_obeyed", t=t, what=what)
            acted = entry.what in ("shown", "cancelled", "moved") and entry.order is not None
            if acted and (entry.device, entry.order) not in self._log.orders:
                what = f"{entry.device} acted on {entry.order}, which nobody sent to it"
                yield Finding(count="forged_obeyed", t=t, what=what)


def _stretches_nobodys(told: list[Told], end: float) -> defaultdict[str, list[tuple[float, float]]]:
    """From when to when each case was open and nobody's, and had to call people itself.

    A red warning of the zone answers for the yellow and blue ones beside it. Whether one stands is
    taken from what the room was shown of it, not from what the service says of the weaker one.
    """
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    standing: dict[str, dict[str, Told]] = defaultdict(dict)
    began: dict[str, float] = {}
    for one in told:
        zone = standing[one.zone]
        zone[one.case] = one
        red = any(each.level == Level.RED and each.state != "closed" for each in zone.values())
        for case, last in zone.items():
            answered_for = red and Level(last.level).rank <= Level.YELLOW.rank
            if last.state == "open" and not answered_for:
                began.setdefault(case, one.t)
            elif case in began:
                found[case].append((began.pop(case), one.t))
    for case, start in began.items():
        found[case].append((start, end))
    return found
