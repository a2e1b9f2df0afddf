"""The site as browsers need it: what stands where, without addresses and without secrets."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import msgspec

from config.rules import Rule, Signal
from config.schema import Camera, SiteFile, Zone
from config.strict import ShortWords, Words, in_both
from console.calibrating import marked_places


def _words(words: Words | ShortWords) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _raise_at(zone: Zone, rules: list[Rule]) -> dict[str, float]:
    """The lowest raise value of each level by the density rules of a zone, people per m²."""
    values: dict[str, float] = {}
    for rule in rules:
        if rule.signal not in (Signal.PEAK_DENSITY, Signal.ZONE_DENSITY):
            continue
        if rule.zones == "all" or zone.id in rule.zones:
            for level, value in rule.raise_at.items():
                values[level.value] = min(value, values.get(level.value, value))
    return values


def _camera(camera: Camera, learnt_for: str | None) -> dict[str, object]:
    marked = marked_places(camera)
    nearest = [place for _, place in sorted(marked, key=lambda one: -one[0])[:2]]
    return {
        "id": camera.id,
        "name": _words(camera.name),
        "zones": camera.zones,
        "every_s": camera.every_s,
        "ground": [place for _, place in marked],
        "near": camera.at or _between(nearest),
        "learnt_for": learnt_for,
        # A file goes before marks.
        "marked_by": {}
        if camera.correction_file
        else Counter(one.model or "" for one in camera.marked),
    }


def _between(nearest: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Where the lowest marks of the picture lie: the camera stands on that side."""
    if not nearest:
        return None
    return (
        sum(east for east, _ in nearest) / len(nearest),
        sum(north for _, north in nearest) / len(nearest),
    )


def units_of(site: SiteFile) -> dict[str, dict[str, str]]:
    """Every unit of the catalogue with its name, in both languages where any of its kinds tells it so."""
    told_once = {one.unit: _words(in_both(one.owner)) for one in site.catalogue}
    in_full = [one.owner for one in site.catalogue if isinstance(one.owner, ShortWords)]
    return told_once | {owner.zh: _words(owner) for owner in in_full}


def document(site: SiteFile, learnt_for: Mapping[str, str]) -> tuple[bytes, str]:
    """The site as JSON, and a version that changes when any of it does.

    `learnt_for` is the network that a camera's correction was learnt for, where it has a file of its own.
    """
    body: dict[str, object] = {
        "id": site.site.id,
        "name": _words(site.site.name),
        "timezone": site.site.timezone,
        "zones": [
            {
                "id": zone.id,
                "name": _words(zone.name),
                "outline": zone.outline,
                "capacity": zone.capacity,
                "raise_at": _raise_at(zone, site.rules),
            }
            for zone in site.zones
        ],
        "cameras": [_camera(camera, learnt_for.get(camera.id)) for camera in site.cameras],
        "terminals": [
            {
                "id": one.id,
                "name": _words(one.name),
                "zones": one.zones,
                "at": one.at,
                "public": one.public,
                "plays_only": one.plays is not None,
            }
            for one in site.terminals
        ],
        "groups": [
            {"id": one.id, "name": _words(one.name), "terminals": one.terminals}
            for one in site.groups
        ],
        "quiet_hours": [
            {
                "start": one.start.isoformat("seconds"),
                "end": one.end.isoformat("seconds"),
                "days": one.days,
                "volume_most": one.volume_most,
                "loud_from": one.loud_from.value,
            }
            for one in site.broadcasts.quiet_hours
        ],
        "two_people_from": site.broadcasts.two_people_from.value,
        "bollards": [
            {
                "id": one.id,
                "name": _words(one.name),
                "entrance": one.entrance,
                "lane": one.lane,
                "at": one.at,
            }
            for one in site.bollards
        ],
        "sensors": [
            {
                "id": one.id,
                "name": _words(one.name),
                "zones": one.zones,
                "silent_after_s": one.silent_after_s,
            }
            for one in site.sensors
        ],
        "counters": [
            {"id": one.id, "name": _words(one.name), "zone": one.zone} for one in site.counters
        ],
        "people": [
            {
                "id": one.id,
                "name": _words(in_both(one.name)),
                "roles": one.roles,
                "unit": one.unit,
            }
            for one in site.people
        ],
        "catalogue": [
            {"id": one.id, "name": _words(one.name), "owner": one.unit} for one in site.catalogue
        ],
        "units": units_of(site),
        "plans": [
            {
                "id": one.id,
                "hazard": one.hazard,
                "zones": one.zones,
                "level": one.level.value,
                "approval": one.approval.value,
                "terminals": one.terminals,
                "groups": one.groups,
                "text": _words(one.text),
                "speech": one.speech,
                "volume": one.volume,
                "cancel": _words(one.cancel),
                "raise_entrances": one.raise_entrances,
            }
            for one in site.plans
        ],
        "keep_days": site.store.keep_days,
    }
    version = hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:16]
    return msgspec.json.encode(body | {"version": version}), version
