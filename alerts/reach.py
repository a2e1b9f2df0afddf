"""Reach: which terminals hear what is meant for a zone, a group or everybody."""

from __future__ import annotations

from collections.abc import Iterable

from config.plans import Plan
from config.schema import SiteFile


class Reach:
    """The site's terminals by zone and by group, in the site file's order."""

    def __init__(self, site: SiteFile) -> None:
        self.everyone = tuple(terminal.id for terminal in site.terminals)
        self._zones = {
            zone.id: tuple(t.id for t in site.terminals if zone.id in t.zones)
            for zone in site.zones
        }
        self._groups = {group.id: tuple(group.terminals) for group in site.groups}

    def of_zone(self, zone: str) -> tuple[str, ...]:
        """The terminals that are heard in a zone."""
        return self._zones.get(zone, ())

    def of(self, plan: Plan, zone: str) -> tuple[str, ...]:
        """The terminals that a plan tells when it acts in a zone, each once."""
        if plan.terminals == "zone":
            named: Iterable[str] = self.of_zone(zone)
        else:
            named = self.everyone if plan.terminals == "all" else plan.terminals
        return self.together(terminals=named, groups=plan.groups)

    def together(
        self,
        *,
        terminals: Iterable[str] = (),
        groups: Iterable[str] = (),
        zones: Iterable[str] = (),
    ) -> tuple[str, ...]:
        """All of these, each once; what the site does not have reaches nobody."""
        found = dict.fromkeys(terminals)
        for group in groups:
            found.update(dict.fromkeys(self._groups.get(group, ())))
        for zone in zones:
            found.update(dict.fromkeys(self.of_zone(zone)))
        return tuple(found)
