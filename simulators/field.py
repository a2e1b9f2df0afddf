"""A whole site's simulated field: every device but the cameras, each on its own connection.

The scenario drives it by plain calls (`set_sensor`, `set_inflow`, `occupy_loop`, …) from the same
event loop; what the devices did goes to the field log.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.schema import SiteFile
from model.clock import Clock
from model.facts import DeviceKind
from simulators.bollards import BollardMachine
from simulators.counters import CounterMachine
from simulators.field_devices import (
    FieldDevice,
    SimulatedBollard,
    SimulatedCounter,
    SimulatedSensor,
    SimulatedTerminal,
)
from simulators.field_line import FieldLine
from simulators.logbook import FieldEntry
from simulators.sensors import SensorMachine
from simulators.sound import SoundFault, fetch
from simulators.terminals import TerminalMachine
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.topics import Topics

AddressOf = Callable[[DeviceKind, str], BrokerAddress]

TICK_S = 0.1
FETCH_AGAIN_S = (0.0, 1.0, 2.0)
"""How long a terminal waits before each try to fetch a recording."""

CONNECTS_PER_S = 100.0
"""A site's devices come on one after the other, as after a power cut in the real street."""


class Fault(StrEnum):
    """What a scenario may break on a device."""

    OFFLINE = "offline"
    DROPS_RECEIPTS = "drops_receipts"
    CLOCK_UNSET = "clock_unset"
    SPEAKER_BROKEN = "speaker_broken"
    STUCK = "stuck"
    LOOP_LIES = "loop_lies"
    LOOP_FROZEN = "loop_frozen"
    LOOP_FAULT = "loop_fault"


class SimulatedField:
    """The counters, sensors, terminals and bollard lanes of one site.

    `only` limits it to some kinds. `public_keys` are those that the devices hold by id.
    `confirm_after_s` lets a person at each non-public terminal confirm what was played.
    """

    def __init__(
        self,
        site: SiteFile,
        *,
        public_keys: Mapping[str, Ed25519PublicKey],
        clock: Clock,
        log: Callable[[FieldEntry], None],
        only: Collection[DeviceKind] | None = None,
        seed: int = 0,
        confirm_after_s: float | None = None,
    ) -> None:
        self._clock = clock
        self._topics = Topics(site.site.id)
        self.terminals = {
            each.id: SimulatedTerminal(
                self._topics,
                TerminalMachine(
                    site_id=site.site.id,
                    terminal_id=each.id,
                    keys=public_keys,
                    log=log,
                    confirms_after_s=None if each.public else confirm_after_s,
                    only_plays=each.plays is not None,
                ),
            )
            for each in site.terminals
        }
        self._players = [one for one in self.terminals.values() if one.machine.only_plays]
        self.bollards = {
            each.id: SimulatedBollard(
                self._topics,
                BollardMachine(site_id=site.site.id, bollard_id=each.id, keys=public_keys, log=log),
            )
            for each in site.bollards
        }
        boot = f"b{int(clock.now().timestamp())}"
        self.counters = {
            each.id: SimulatedCounter(self._topics, each.id, CounterMachine(boot))
            for each in site.counters
        }
        self.sensors = {
            each.id: SimulatedSensor(
                self._topics,
                SensorMachine(each.id, seed=seed),
                alive_every_s=max(1.0, (each.silent_after_s or 60.0) / 4),
            )
            for each in site.sensors
        }
        self.lines = self._lines(only, seed)

    def _lines(
        self, only: Collection[DeviceKind] | None, seed: int
    ) -> dict[tuple[DeviceKind, str], FieldLine]:
        devices: list[FieldDevice] = [
            *self.terminals.values(),
            *self.bollards.values(),
            *self.counters.values(),
            *self.sensors.values(),
        ]
        lines: dict[tuple[DeviceKind, str], FieldLine] = {}
        for device in devices:
            if only is None or device.kind in only:
                rng = random.Random(f"{seed}/{device.kind}/{device.id}")
                backoff = Backoff(first_s=0.5, cap_s=5.0, rng=rng)
                line = FieldLine(device, self._topics, self._clock, backoff=backoff)
                lines[device.kind, device.id] = line
        return lines

    @property
    def connected(self) -> int:
        """How many devices are on the broker now."""
        return sum(line.connected for line in self.lines.values())

    @property
    def quantities(self) -> dict[str, str]:
        """What each sensor measures; detectors are left out."""
        return {
            name: sensor.machine.measure.quantity
            for name, sensor in self.sensors.items()
            if sensor.machine.measure is not None
        }

    async def run(self, address: BrokerAddress | AddressOf) -> None:
        """Put every device on the broker and keep them living until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number, ((kind, device_id), line) in enumerate(self.lines.items()):
                where = address if isinstance(address, BrokerAddress) else address(kind, device_id)
                tasks.create_task(
                    line.run(where, after_s=number / CONNECTS_PER_S),
                    name=f"{kind.value} {device_id}",
                )
            tasks.create_task(self._live(tasks), name="field ticks")

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            for line in self.lines.values():
                line.tick()
            for terminal in self._players:
                for order, address in terminal.machine.take_wanted():
                    fetching = self._fetch(terminal, order, address)
                    tasks.create_task(fetching, name=f"{terminal.id} fetches")
            await asyncio.sleep(TICK_S)

    async def _fetch(self, terminal: SimulatedTerminal, order: str, address: str) -> None:
        """Get a recording, for a player that tries a few times before it says that it could not."""
        for wait_s in FETCH_AGAIN_S:
            await asyncio.sleep(wait_s)
            sound = await asyncio.to_thread(fetch, address)
            if sound is not SoundFault.UNREACHABLE:
                break
        now, mono = self._clock.now(), self._clock.monotonic()
        self._line(terminal).say(terminal.fetched(order, sound, now, mono))

    # -- what a scenario does ----------------------------------------------------------------

    def set_sensor(self, sensor: str, value: float) -> None:
        """Let a sensor measure another value from now on. ValueError for a mere detector."""
        machine = self.sensors[sensor].machine
        if machine.measure is None:
            raise ValueError(f"{sensor} is a detector and measures nothing")
        machine.value = value

    def set_alarm(self, sensor: str, *, raised: bool) -> None:
        """Let a detector raise or clear its hazard."""
        device = self.sensors[sensor]
        self._line(device).say(device.set_alarm(self._clock.now(), raised=raised))

    def set_inflow(self, counter: str, people_p_s: float) -> None:
        """Let people pass a gate at another rate; negative is outwards."""
        self.counters[counter].machine.set_inflow(people_p_s, self._clock.monotonic())

    def occupy_loop(self, lane: str, *, occupied: bool) -> None:
        """Put a vehicle on a lane's loop, or let it drive off."""
        self.bollards[lane].machine.street.vehicle = occupied

    def touch(self, lane: str, *, touched: bool) -> None:
        """Let something stand against a rising bollard."""
        self.bollards[lane].machine.street.contact = touched

    def lower_by_hand(self, lane: str) -> None:
        """Turn the key switch at a lane."""
        bollard = self.bollards[lane]
        now, mono = self._clock.now(), self._clock.monotonic()
        self._line(bollard).say(bollard.lower_by_hand(now, mono))

    def confirm(self, terminal: str, order: str) -> None:
        """A person presses a terminal's button for what it played."""
        device = self.terminals[terminal]
        self._line(device).say(device.confirm(order, self._clock.now()))

    def reboot_counter(self, counter: str) -> None:
        """Let a counter lose its totals."""
        self.counters[counter].machine.reboot(f"b{int(self._clock.now().timestamp() * 1000)}")

    def set_fault(self, kind: DeviceKind, device_id: str, fault: Fault, *, on: bool) -> None:
        """Break something on a device or mend it. ValueError where the device has no such part."""
        if fault is Fault.OFFLINE:
            self.lines[kind, device_id].plug(connected=not on)
            return
        owner: object
        if kind is DeviceKind.TERMINAL:
            owner = self.terminals[device_id]
        elif kind is DeviceKind.BOLLARD:
            owner = self.bollards[device_id]
        else:
            raise ValueError(f"a {kind.value} cannot have the fault {fault.value}")
        if fault is not Fault.DROPS_RECEIPTS:
            owner = owner.machine.faults
        if not hasattr(owner, fault.value):
            raise ValueError(f"a {kind.value} cannot have the fault {fault.value}")
        setattr(owner, fault.value, on)

    def _line(self, device: FieldDevice) -> FieldLine:
        return self.lines[device.kind, device.id]
