"""Past readings: what zones and sensors showed, from the store, in the form that rules judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from alerts.replaying import Seen
from alerts.rules import UNITS
from config.rules import Signal
from config.schema import SiteFile
from model.facts import SensorReading
from model.level import Sight
from model.zones import ZoneView
from store.embedded import StoreReader
from store.history import POINTS_AT_MOST, Point

_NUMBERS = ("occupancy", "occupancy_low", "density_p_m2", "peak_p_m2")


def past_readings(
    site: SiteFile, store: StoreReader, start: datetime, stop: datetime
) -> list[Seen]:
    """Every stored view of a zone and reading of a sensor between two times, oldest first."""
    seen = [
        *(
            each
            for zone in site.zones
            for each in _views(store, zone.id, zone.capacity, start, stop)
        ),
        *_sensors(site, store, start, stop),
    ]
    return sorted(seen, key=lambda each: each.at)


def _views(
    store: StoreReader, zone: str, capacity: float, start: datetime, stop: datetime
) -> list[Seen]:
    numbers: dict[datetime, dict[str, float]] = {}
    for name in (*_NUMBERS, "blind", "partial"):
        for point in _points(store, "zone", zone, name, start=start, stop=stop):
            numbers.setdefault(point.at, {})[name] = point.mean
    return [
        Seen(at=at, view=_view(zone, capacity, at, found)) for at, found in sorted(numbers.items())
    ]


def _view(zone: str, capacity: float, at: datetime, found: dict[str, float]) -> ZoneView:
    if found.get("blind"):
        return ZoneView(zone=zone, at=at, sight=Sight.BLIND, capacity=capacity)
    sight = Sight.PARTIAL if found.get("partial") else Sight.LIVE
    return ZoneView(
        zone=zone,
        at=at,
        sight=sight,
        capacity=capacity,
        occupancy=found.get("occupancy"),
        occupancy_low=found.get("occupancy_low"),
        density_p_m2=found.get("density_p_m2"),
        peak_p_m2=found.get("peak_p_m2"),
    )


def _sensors(site: SiteFile, store: StoreReader, start: datetime, stop: datetime) -> list[Seen]:
    quantities = {
        rule.quantity
        for rule in site.rules
        if rule.signal is Signal.SENSOR and rule.quantity is not None
    }
    return [
        Seen(
            at=point.at,
            sensor=sensor.id,
            reading=SensorReading(
                at=point.at, quantity=quantity, value=point.mean, unit=UNITS.get(quantity, "")
            ),
        )
        for sensor in site.sensors
        for quantity in sorted(quantities)
        for point in _points(store, "sensor", sensor.id, quantity, start=start, stop=stop)
    ]


def _points(
    store: StoreReader, kind: str, name: str, quantity: str, *, start: datetime, stop: datetime
) -> Iterator[Point]:
    """All points of a span, however many answers of the store they take."""
    while points := store.series(kind, name, quantity, start, stop):
        yield from points
        if len(points) < POINTS_AT_MOST:
            return
        start = points[-1].at + timedelta(milliseconds=1)
