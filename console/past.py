"""The room as it was: the same cards as the live feed's, from what the store remembers of a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from config.schema import SiteFile
from console.dispatching import card_of
from console.room import Room
from console.views import AnyCard, Section
from model.commit import Commit, ZoneJudgement
from model.dispatch import Act, Dispatch, DispatchState
from model.facts import BollardState, DeviceKind, DeviceStatus, Fact
from model.health import DeviceHealth, HealthState
from model.zones import ZoneView
from store.moment import Moment, ZoneThen

Cards = dict[Section, dict[str, AnyCard]]


def cards_of(site: SiteFile, then: Moment, dispatches: Iterable[Dispatch] = ()) -> Cards:
    """Every card of the room at that moment. What was not known then is not shown."""
    room = Room(site)
    room.recall(then.cases, then.orders)
    room.apply(
        Commit(
            serial=0,
            at=then.at,
            facts=tuple(_then(fact) for fact in then.facts),
            zones=tuple(_zones(site, then)),
            health=tuple(_health(then)),
        ),
        0.0,
    )
    room.show_dispatches({one.id: card_of(one, site) for one in _dispatches(then, dispatches)})
    return room.cards


def _then(fact: Fact) -> Fact:
    """A lane's state counts as just heard: lanes are kept when they change, not every second."""
    if isinstance(fact.body, BollardState):
        return msgspec.structs.replace(fact, arrived_monotonic_s=0.0)
    return fact


def _health(then: Moment) -> Iterator[DeviceHealth]:
    for fact in then.facts:
        if isinstance(fact.body, DeviceStatus) and fact.kind in set(DeviceKind):
            online = fact.body.state == "online"
            yield DeviceHealth(
                kind=DeviceKind(fact.kind),
                id=fact.source,
                state=HealthState.ONLINE if online else HealthState.OFFLINE,
                since=fact.field_time,
                last_seen=fact.field_time,
            )


def _zones(site: SiteFile, then: Moment) -> Iterator[ZoneJudgement]:
    """Zones of the site as it is today; those that are gone from it have no card."""
    known = {zone.zone: zone for zone in then.zones}
    for zone in site.zones:
        seen = known.get(zone.id)
        if seen is not None:
            view = _view(seen, zone.capacity)
            yield ZoneJudgement(view=view, level=then.levels.get(zone.id))


def _view(seen: ZoneThen, capacity: float) -> ZoneView:
    return ZoneView(
        zone=seen.zone,
        at=seen.at,
        sight=seen.sight,
        capacity=capacity,
        occupancy=seen.occupancy,
        occupancy_low=seen.occupancy_low,
        occupancy_high=seen.occupancy_high,
        density_p_m2=seen.density_p_m2,
        peak_p_m2=seen.peak_p_m2,
        seen_at=None if seen.occupancy is None else seen.at,
    )


_STATES = {
    Act.TAKEN: DispatchState.TAKEN,
    Act.TRANSFERRED: DispatchState.SENT,
    Act.RETURNED: DispatchState.SENT,
    Act.SOLVED: DispatchState.SOLVED,
    Act.CLOSED: DispatchState.CLOSED,
}


def _dispatches(then: Moment, dispatches: Iterable[Dispatch]) -> Iterator[Dispatch]:
    """Problems as far as they had got."""
    for dispatch in dispatches:
        steps = tuple(step for step in dispatch.steps if step.at <= then.at)
        if not steps:
            continue
        state, taken_by = DispatchState.SENT, None
        for step in steps:
            state = _STATES.get(step.act, state)
            if step.act is Act.TAKEN:
                taken_by = step.actor
            elif step.act in (Act.TRANSFERRED, Act.RETURNED):
                taken_by = None
        yield msgspec.structs.replace(
            dispatch, steps=steps, state=state, taken_by=taken_by, unit=steps[-1].unit
        )
