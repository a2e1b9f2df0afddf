"""What no single field can tell: whether the parts of a site fit together."""

from __future__ import annotations

import difflib
import ipaddress
import socket
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from config.findings import FieldPath
from config.outlines import area_m2, crosses_itself
from config.plans import Approval, Plan
from config.rules import SINGLE_LEVEL, Rule, Signal
from config.schema import Camera, SiteFile

Fault = tuple[FieldPath, str, str]
"""Where, what, and what would be right."""

_APPROVERS = {"operator", "commander"}


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def faults(site: SiteFile) -> Iterator[Fault]:
    """Every place where the parts of the site do not fit together."""
    for check in _CHECKS:
        yield from check(site)


def _ids(site: SiteFile) -> Iterator[Fault]:
    kinds = (
        "zones cameras counters sensors terminals groups bollards rules plans people catalogue "
        "mappings"
    )
    for kind in kinds.split():
        first: dict[str, int] = {}
        things: Sequence[_Named] = getattr(site, kind)
        for n, thing in enumerate(things):
            if thing.id in first:
                what = f"`{thing.id}` is the id of {kind}[{first[thing.id]}] already"
                yield (kind, n, "id"), what, "give each its own"
            first.setdefault(thing.id, n)
    lanes: dict[tuple[str, int], str] = {}
    for n, lane in enumerate(site.bollards):
        place = (lane.entrance, lane.lane)
        if place in lanes:
            what = f"lane {lane.lane} of `{lane.entrance}` is `{lanes[place]}` already"
            yield ("bollards", n, "lane"), what, "number the lanes of an entrance"
        lanes.setdefault(place, lane.id)


def _references(site: SiteFile) -> Iterator[Fault]:
    zones = [zone.id for zone in site.zones]
    entrances = sorted({lane.entrance for lane in site.bollards})
    people = [person.id for person in site.people]
    terminals = [terminal.id for terminal in site.terminals]
    groups = [group.id for group in site.groups]
    for kind in ("cameras", "sensors", "terminals", "rules", "plans"):
        for n, thing in enumerate(getattr(site, kind)):
            if thing.zones != "all":
                yield from _unknown((kind, n, "zones"), thing.zones, zones, "zone")
    for n, counter in enumerate(site.counters):
        if counter.zone not in zones:
            yield ("counters", n, "zone"), *_no_such(counter.zone, zones, "zone")
    for n, plan in enumerate(site.plans):
        if isinstance(plan.terminals, list):
            yield from _unknown(("plans", n, "terminals"), plan.terminals, terminals, "terminal")
        yield from _unknown(
            ("plans", n, "raise_entrances"), plan.raise_entrances, entrances, "entrance"
        )
        yield from _unknown(("plans", n, "call"), plan.call, people, "person")
        yield from _unknown(("plans", n, "groups"), plan.groups, groups, "group")
    yield from _makes_up(site, terminals, people)
    yield from _unknown(("escalation", "outside"), site.escalation.outside, people, "person")
    for n, shift in enumerate(site.roster):
        yield from _unknown(("roster", n, "people"), shift.people, people, "person")


def _makes_up(site: SiteFile, terminals: Sequence[str], people: Sequence[str]) -> Iterator[Fault]:
    """Groups, and whoever steps in for a terminal, are of this site; none stands in for itself."""
    for n, group in enumerate(site.groups):
        yield from _unknown(("groups", n, "terminals"), group.terminals, terminals, "terminal")
    for n, zone in enumerate(site.zones):
        yield from _unknown(("zones", n, "walkers"), zone.walkers or (), people, "person")
    for n, terminal in enumerate(site.terminals):
        if terminal.fallback is None:
            continue
        path: FieldPath = ("terminals", n, "fallback")
        other = terminal.fallback.terminals
        yield from _unknown((*path, "terminals"), other, terminals, "terminal")
        yield from _unknown((*path, "people"), terminal.fallback.people, people, "person")
        if terminal.id in other:
            yield path, f"`{terminal.id}` would make up for itself", "name another terminal"


def _cap(site: SiteFile) -> Iterator[Fault]:
    """A feed speaks through a sensor, so that its alerts stand and end like any alarm."""
    sensors = [sensor.id for sensor in site.sensors]
    for n, feed in enumerate(site.cap.feeds):
        if feed.sensor not in sensors:
            yield ("cap", "feeds", n, "sensor"), *_no_such(feed.sensor, sensors, "sensor")


def _unknown(
    path: FieldPath, wanted: Iterable[str], known: Sequence[str], word: str
) -> Iterator[Fault]:
    for n, one in enumerate(wanted):
        if one not in known:
            yield (*path, n), *_no_such(one, known, word)


def _no_such(wanted: str, known: Sequence[str], word: str) -> tuple[str, str]:
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    right = f"did you mean `{near[0]}`?" if near else _known(known, word)
    return f"there is no {word} `{wanted}`", right


def _known(known: Sequence[str], word: str) -> str:
    if not known:
        return f"this site has no {word} at all"
    more = ", …" if len(known) > 8 else ""
    return f"known: {', '.join(known[:8])}{more}"


def _zones(site: SiteFile) -> Iterator[Fault]:
    for n, zone in enumerate(site.zones):
        path = ("zones", n, "outline")
        area = area_m2(zone.outline)
        if crosses_itself(zone.outline):
            yield path, "the outline crosses itself", "give the corners in order, around the zone"
        elif area < 1:
            yield path, "the outline has no area", "metres east and north of the origin"
        elif zone.usable_area_m2 > area * 1.01:
            yield (
                ("zones", n, "usable_area_m2"),
                f"{zone.usable_area_m2:g} is more than the outline's {area:.0f} m²",
                "the ground that people can stand on, at most the outline's area",
            )


def _watchers(site: SiteFile) -> Iterator[Fault]:
    for kind, what in (
        ("cameras", "watches no zone"),
        ("sensors", "speaks for no zone"),
        ("terminals", "is heard in no zone"),
    ):
        for n, thing in enumerate(getattr(site, kind)):
            if not thing.zones:
                yield (kind, n, "zones"), f"`{thing.id}` {what}", "name at least one zone"


def _broker(site: SiteFile) -> Iterator[Fault]:
    broker = site.broker
    local = is_loopback(broker.host)
    if broker.embedded and not local:
        yield ("broker", "host"), "an embedded broker is never open to others", "leave `host` out"
    if (broker.username is None) != (broker.password is None):
        lacks = "password" if broker.password is None else "username"
        yield ("broker", lacks), "is missing beside the other", "give both or neither"
    if broker.embedded or local:
        return
    if not broker.tls:
        yield (
            ("broker", "tls"),
            f"{broker.host} is not this machine and the link would be open",
            "`tls: true`, or a broker on 127.0.0.1",
        )
    if broker.username is None and broker.password is None:
        yield (
            ("broker", "username"),
            f"{broker.host} is not this machine and would let anybody in",
            "give `username` and `password`",
        )


def _servers(site: SiteFile) -> Iterator[Fault]:
    """Readings and records leave this machine under TLS and with a secret, or not at all."""
    readings, records = site.store.readings, site.store.records
    for name in ("url", "read_url"):
        address = getattr(readings, name, None)
        if readings is None or address is None:
            continue
        host = urlsplit(address).hostname or ""
        if is_loopback(host):
            continue
        if not address.startswith("https:"):
            what = f"{host} is not this machine and the link would be open"
            yield ("store", "readings", name), what, "an address with https:"
        if readings.token is None:
            what = f"{host} is not this machine and would let anybody in"
            yield ("store", "readings", "token"), what, "give `token`"
    if records is not None and not is_loopback(records.host):
        if not records.tls:
            what = f"{records.host} is not this machine and the link would be open"
            yield ("store", "records", "tls"), what, "`tls: true`, or a server on 127.0.0.1"
        if records.password is None:
            what = f"{records.host} is not this machine and would let anybody in"
            yield ("store", "records", "password"), what, "give `password`"


def _sound(site: SiteFile) -> Iterator[Fault]:
    """Terminals that only play fetch their recordings from the console: they must reach it."""
    playing = [one.id for one in site.terminals if one.plays]
    if not playing or site.console.address is not None:
        return
    host, away = site.console.host, not is_loopback(site.broker.host)
    if _is_every_address(host) or (away and is_loopback(host)):
        yield (
            ("console", "address"),
            f"is missing: `{playing[0]}` only plays and cannot fetch from `{host}`",
            "the console's address as terminals reach it, such as http://192.168.1.10:8460",
        )


def _is_every_address(host: str) -> bool:
    """Whether listening there is listening on all of this machine's addresses, as `0` and `` do too."""
    try:
        return not host or ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        pass
    try:
        return not any(socket.inet_aton(host))
    except OSError:
        return False


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _timezone(site: SiteFile) -> Iterator[Fault]:
    known = zoneinfo.available_timezones()
    if site.site.timezone not in known:
        near = difflib.get_close_matches(site.site.timezone, sorted(known), n=1)
        right = f"did you mean `{near[0]}`?" if near else "a name such as `Asia/Shanghai`"
        yield ("site", "timezone"), f"there is no time zone `{site.site.timezone}`", right


def _rules(site: SiteFile) -> Iterator[Fault]:
    """A rule that names a zone must be able to hear something from it."""
    has_camera = {zone for camera in site.cameras for zone in camera.zones}
    has_ground = {z for camera in site.cameras if camera.ground is not None for z in camera.zones}
    has_motion = {z for c in site.cameras if c.burst and _has_placed_ground(c) for z in c.zones}
    has_sensor = {zone for sensor in site.sensors for zone in sensor.zones}
    no_motion = "no camera with `burst` and a `ground` that has a place on the map"
    ears = {
        Signal.PEAK_DENSITY: (has_ground, "no camera with `ground`"),
        Signal.ZONE_DENSITY: (has_camera, "no camera"),
        Signal.OCCUPANCY: (has_camera, "no camera"),
        Signal.GROWTH: (has_camera, "no camera"),
        Signal.FORECAST: (has_camera, "no camera"),
        Signal.COUNTERFLOW: (has_motion, no_motion),
        Signal.PRESSURE: (has_motion, no_motion),
        Signal.FLOW_BREAKDOWN: (has_motion, no_motion),
        Signal.BLIND: (has_camera, "no camera"),
        Signal.SENSOR: (has_sensor, "no sensor"),
        Signal.ALARM: (has_sensor, "no sensor"),
    }
    known = {zone.id for zone in site.zones}
    for n, rule in enumerate(site.rules):
        heard, lack = ears.get(rule.signal, (known, ""))
        for m, zone in enumerate(() if rule.zones == "all" else rule.zones):
            if zone in known and zone not in heard:
                what = f"`{zone}` has {lack}, so this rule can never warn there"
                yield ("rules", n, "zones", m), what, "add the device or take the zone out"


def _has_placed_ground(camera: Camera) -> bool:
    """Whether what the camera measures in metres can be put into a zone."""
    ground, stands = camera.ground, camera.at is not None and camera.bearing_deg is not None
    if ground is None:
        return False
    own = ground.points is not None or (ground.grid is not None and ground.grid.at is not None)
    return own or stands


def _plans(site: SiteFile) -> Iterator[Fault]:
    for n, plan in enumerate(site.plans):
        rules = [rule for rule in site.rules if rule.hazard == plan.hazard]
        if not rules:
            hazards = sorted({rule.hazard for rule in site.rules})
            what, right = _no_such(plan.hazard, hazards, "rule for the hazard")
            yield ("plans", n, "hazard"), what, right
        elif not any(_can_start(rule, plan) for rule in rules):
            what = f"no rule for `{plan.hazard}` reaches {plan.level.value} in these zones"
            yield ("plans", n, "level"), what, "a level and zones that a rule of this hazard has"
        if plan.id == "unowned":
            yield (
                ("plans", n, "id"),
                "is what the message of `escalation.public` goes by",
                "another id",
            )
        if plan.cancel == plan.text:
            yield ("plans", n, "cancel"), "takes nothing back: it is the text itself", "say so"
    public = site.escalation.public
    if public is not None and public.cancel == public.text:
        path = ("escalation", "public", "cancel")
        yield path, "takes nothing back: it is the text itself", "say so"
    yield from _approvers(site)


def _can_start(rule: Rule, plan: Plan) -> bool:
    levels = {rule.level} if rule.signal in SINGLE_LEVEL else set(rule.raise_at)
    if plan.level not in levels:
        return False
    return rule.zones == "all" or plan.zones == "all" or bool(set(rule.zones) & set(plan.zones))


def _approvers(site: SiteFile) -> Iterator[Fault]:
    """A plan that waits for people needs that many who may approve."""
    able = sum(bool(_APPROVERS & set(person.roles)) for person in site.people)
    needed = {Approval.NONE: 0, Approval.ONE: 1, Approval.TWO: 2}
    for n, plan in enumerate(site.plans):
        if needed[plan.approval] > able:
            what = f"waits for {plan.approval.value}, and {able} of `people` may approve"
            yield ("plans", n, "approval"), what, "add people with the role operator or commander"


_CHECKS: tuple[Callable[[SiteFile], Iterator[Fault]], ...] = (
    _timezone,
    _broker,
    _servers,
    _sound,
    _ids,
    _zones,
    _references,
    _cap,
    _watchers,
    _rules,
    _plans,
)
