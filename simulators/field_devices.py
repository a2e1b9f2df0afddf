"""Simulated devices as the broker sees them: what each subscribes to, publishes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from model.facts import DeviceKind, DeviceStatus
from simulators.bollards import BollardMachine
from simulators.counters import CounterMachine
from simulators.sensors import SensorMachine
from simulators.sound import SoundFault
from simulators.terminals import TerminalMachine
from wire.codec import encode
from wire.topics import Topics

VERSION = "simulated-1"


class Says(NamedTuple):
    """One message of a device; `keep` outlives a broken link, as receipts must and states must not."""

    topic: str
    payload: bytes
    retain: bool = False
    keep: bool = False


class FieldDevice(Protocol):
    """A device without its link."""

    kind: DeviceKind
    id: str

    def greet(self) -> list[Says]:
        """What it says first after connecting, beside its status."""
        ...

    def tick(self, now: datetime, mono: float) -> list[Says]:
        """What it says as time goes on; called every tenth of a second."""
        ...


@runtime_checkable
class OrderedDevice(FieldDevice, Protocol):
    """A device that takes orders."""

    def listens_to(self) -> str:
        """The topic of its orders."""
        ...

    def hear(self, topic: str, payload: bytes, now: datetime, mono: float) -> list[Says]:
        """What it answers to a message."""
        ...


def status_topic(topics: Topics, device: FieldDevice) -> str:
    """Where a device's birth and death stand."""
    return topics.status(device.kind, device.id)


def birth(now: datetime) -> bytes:
    """The status that a device publishes when it connects."""
    return encode(DeviceStatus(state="online", at=now, version=VERSION))


DEATH = encode(DeviceStatus(state="offline"))
"""The last will: it has no time of its own."""


@dataclass
class SimulatedTerminal:
    """A terminal on the broker; `drops_receipts` swallows every receipt it should send."""

    topics: Topics
    machine: TerminalMachine
    drops_receipts: bool = False
    kind: DeviceKind = DeviceKind.TERMINAL

    def __post_init__(self) -> None:
        self.id = self.machine.terminal_id

    def listens_to(self) -> str:
        return self.topics.order(self.kind, self.id)

    def greet(self) -> list[Says]:
        return []

    def hear(self, topic: str, payload: bytes, now: datetime, mono: float) -> list[Says]:
        return self._say(self.machine.receive(topic, payload, now, mono))

    def tick(self, now: datetime, mono: float) -> list[Says]:
        due = self.machine.next_event()
        if due is None or due > mono:
            return []
        return self._say(self.machine.tick(now, mono))

    def fetched(
        self, order_id: str, sound: bytes | SoundFault, now: datetime, mono: float
    ) -> list[Says]:
        """A recording that the terminal asked for is there, or is not to be had."""
        return self._say(self.machine.fetched(order_id, sound, now, mono))

    def confirm(self, order_id: str, now: datetime) -> list[Says]:
        """A person presses the terminal's button."""
        return self._say(self.machine.confirm(order_id, now))

    def _say(self, receipts: Sequence[msgspec.Struct]) -> list[Says]:
        if self.drops_receipts:
            return []
        topic = self.topics.receipt(self.kind, self.id)
        return [Says(topic, encode(receipt), keep=True) for receipt in receipts]


@dataclass
class SimulatedBollard:
    """A bollard controller on the broker."""

    topics: Topics
    machine: BollardMachine
    drops_receipts: bool = False
    kind: DeviceKind = DeviceKind.BOLLARD

    def __post_init__(self) -> None:
        self.id = self.machine.bollard_id

    def listens_to(self) -> str:
        return self.topics.order(self.kind, self.id)

    def greet(self) -> list[Says]:
        return []

    def hear(self, topic: str, payload: bytes, now: datetime, mono: float) -> list[Says]:
        receipts = self.machine.receive(topic, payload, now, mono)
        return self._say(receipts, now, mono)

    def tick(self, now: datetime, mono: float) -> list[Says]:
        return self._say(self.machine.tick(now, mono), now, mono)

    def lower_by_hand(self, now: datetime, mono: float) -> list[Says]:
        """Somebody turns the key switch at the device."""
        return self._say(self.machine.lower_by_hand(now, mono), now, mono)

    def _say(self, receipts: Sequence[msgspec.Struct], now: datetime, mono: float) -> list[Says]:
        topic = self.topics.receipt(self.kind, self.id)
        says: list[Says] = []
        if not self.drops_receipts:
            says = [Says(topic, encode(receipt), keep=True) for receipt in receipts]
        state = self.machine.state_if_due(now, mono)
        if state is not None:
            says.append(Says(self.topics.bollard_state(self.id), encode(state), retain=True))
        return says


@dataclass
class SimulatedCounter:
    """A gate counter on the broker."""

    topics: Topics
    id: str
    machine: CounterMachine
    kind: DeviceKind = DeviceKind.COUNTER

    def greet(self) -> list[Says]:
        return []

    def tick(self, now: datetime, mono: float) -> list[Says]:
        reading = self.machine.reading_if_due(now, mono)
        return [] if reading is None else [Says(self.topics.count(self.id), encode(reading))]


@dataclass
class SimulatedSensor:
    """A sensor or alarm detector on the broker.

    A detector has nothing to report in calm; it repeats its status often enough not to be taken
    for silent.
    """

    topics: Topics
    machine: SensorMachine
    alive_every_s: float
    kind: DeviceKind = DeviceKind.SENSOR

    def __post_init__(self) -> None:
        self.id = self.machine.sensor_id
        self._alive_mono = float("-inf")

    def greet(self) -> list[Says]:
        return self._alarm()

    def tick(self, now: datetime, mono: float) -> list[Says]:
        reading = self.machine.reading_if_due(now, mono)
        if reading is not None:
            return [Says(self.topics.reading(self.id), encode(reading))]
        if mono - self._alive_mono < self.alive_every_s:
            return []
        self._alive_mono = mono
        return [Says(status_topic(self.topics, self), birth(now), retain=True)]

    def set_alarm(self, now: datetime, *, raised: bool) -> list[Says]:
        """The detector raises or clears its hazard."""
        changed = self.machine.set_alarm(now, raised=raised)
        return [] if changed is None else self._alarm()

    def _alarm(self) -> list[Says]:
        alarm = self.machine.alarm
        if alarm is None:
            return []
        return [Says(self.topics.alarm(self.id), encode(alarm), retain=True, keep=True)]
