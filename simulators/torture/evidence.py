"""What a run leaves behind for its observer: what devices did, what was said, what was reachable."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.logbook import FieldEntry


class Act(NamedTuple):
    """One line of a device's log, with the true second of the run."""

    t: float
    entry: FieldEntry


class OnAir(NamedTuple):
    """One order as it was first heard on the air."""

    t: float
    kind: str
    device: str
    body: dict[str, object]
    payload: bytes


class Told(NamedTuple):
    """A warning as the room's screen showed it."""

    t: float
    case: str
    zone: str
    hazard: str
    level: str
    state: str
    escalation: int


class Attack(NamedTuple):
    """One order that did not come from the service, as it was put before a device.

    `obeyed` is what the device wrote into its log at once because of it.
    """

    t: float
    kind: str
    device: str
    order: str
    obeyed: bool


class Screen(NamedTuple):
    """What stood on a terminal's screen when somebody looked."""

    t: float
    terminal: str
    warnings: tuple[str, ...]


@dataclass
class Windows:
    """When something was so: stretches of the run by name, such as `service down`."""

    closed: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    _open: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def begin(self, name: str, t: float) -> None:
        """From now on; several beginnings of one name overlap."""
        self._open[name].append(t)

    def end(self, name: str, t: float) -> None:
        """No longer; without a beginning it says nothing."""
        if self._open[name]:
            self.closed[name].append((self._open[name].pop(), t))

    def close(self, t: float) -> None:
        """The run is over."""
        for name in list(self._open):
            while self._open[name]:
                self.end(name, t)

    def of(self, *names: str) -> list[tuple[float, float]]:
        """All stretches of these names, in order."""
        return sorted(stretch for name in names for stretch in self.closed.get(name, ()))


@dataclass
class Evidence:
    """Everything written down in one run by the field, the air and the room."""

    acts: list[Act] = field(default_factory=list)
    orders: dict[tuple[str, str], OnAir] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    warnings: list[tuple[float, str, str, str, str]] = field(default_factory=list)
    attacks: list[Attack] = field(default_factory=list)
    screens: list[Screen] = field(default_factory=list)
    unsafe_moves: list[tuple[float, str]] = field(default_factory=list)
    troubles: Windows = field(default_factory=Windows)
    faults: Counter[str] = field(default_factory=Counter)
    crashes: list[tuple[float, str]] = field(default_factory=list)
    steps: int = 0
