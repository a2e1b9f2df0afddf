"""Zones that gates alone count: what is known of them, and the hour at which nobody is inside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from config.schema import Zone
from crowd.occupancy import GateLedger
from crowd.zone_numbers import density_of, people_of
from model.level import Sight
from model.zones import ZoneView

CLOCK_SET_S: Final = 5.0
"""A clock that went further than the time that passed was set."""

SLEPT_S: Final = 60.0


class Gate(msgspec.Struct, kw_only=True):
    """A counter's last word: when it was heard (monotonic; None while it is silent), and its stamp."""

    heard_s: float | None = None
    at: datetime | None = None


def view_by_gates(
    zone: Zone, ledger: GateLedger, heard: Mapping[str, Gate], now: datetime
) -> ZoneView:
    """A zone that no camera watches: never seen whole, and perhaps known only from below."""
    people, at_least = ledger.alone, ledger.at_least
    view = ZoneView(
        zone=zone.id,
        at=now,
        sight=Sight.PARTIAL,
        capacity=zone.capacity,
        occupancy_low=people_of(at_least),
        density_low_p_m2=density_of(at_least, zone.usable_area_m2),
        seen_at=min(gate.at for gate in heard.values() if gate.at is not None),
        reasons=("counted_at_gates_only", "inside_before_counting_unknown"),
    )
    if people is None:
        return view
    return msgspec.structs.replace(
        view,
        occupancy=people_of(people.value),
        occupancy_high=people_of(people.high),
        density_p_m2=density_of(people.value, zone.usable_area_m2),
        reasons=view.reasons[:1],
    )


class EmptyHours:
    """When zones are known to hold nobody, by the site's own time: told once as the hour is reached."""

    def __init__(self, empty_at: Mapping[str, time], tz: ZoneInfo) -> None:
        self._empty_at = empty_at
        self._tz = tz
        self._last: tuple[datetime, float] | None = None

    def reached(self, now: datetime, mono: float) -> tuple[str, ...]:
        """Zones whose hour came since this was last asked.

        A clock that was set past the hour, and a service that slept over it, have not lived it.
        """
        last, self._last = self._last, (now, mono)
        if not self._empty_at or last is None or now <= last[0]:
            return ()
        if (now - last[0]).total_seconds() > mono - last[1] + CLOCK_SET_S or mono - last[
            1
        ] > SLEPT_S:
            return ()
        before, local = last[0].astimezone(self._tz), now.astimezone(self._tz)
        return tuple(
            zone
            for zone, empty_at in self._empty_at.items()
            if before < datetime.combine(local, empty_at, self._tz) <= local
        )
