"""The simulated field of a run: every device's own state machine, on its own simulated line."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.schema import SiteFile
from model.facts import DensityBlind, DensityLive, DeviceKind
from simulators.bollard_motor import Drive
from simulators.bollards import BollardMachine
from simulators.counters import CounterMachine
from simulators.field_devices import (
    FieldDevice,
    Says,
    SimulatedBollard,
    SimulatedCounter,
    SimulatedSensor,
    SimulatedTerminal,
)
from simulators.logbook import FieldEntry
from simulators.sensors import SensorMachine
from simulators.terminals import TerminalMachine
from simulators.torture.agenda import Agenda, StepClock
from simulators.torture.evidence import Act, Evidence, Screen
from simulators.torture.field_line import SimFieldLine
from simulators.torture.network import Cable, SimBroker
from simulators.torture.script import Fault, FaultKind, Turn
from simulators.torture.site import CAMERA_EVERY_S
from wire.access import FIELD, WORKER
from wire.codec import encode
from wire.topics import Topics

TERMINALS, LANES, COUNTERS, SENSORS = 0.25, 1.0, 10.0, 5.0
LANE_AWAKE_S = 0.1
LOOP_SLACK_S = 0.6
"""A controller may rise on a loop sample of half a second ago; a tick comes on top."""

CAMERA_NOISE_P_M2 = 0.12


@dataclass
class SimulatedCamera:
    """A camera with its analyser: it counts the truth with a little noise, or says that it is blind."""

    topics: Topics
    id: str
    rng: random.Random
    peak_p_m2: float = 0.8
    blind: bool = False
    kind: DeviceKind = DeviceKind.CAMERA

    def greet(self) -> list[Says]:
        return []

    def tick(self, now: datetime, mono: float) -> list[Says]:  # noqa: ARG002 - every device is handed both clocks
        return [Says(self.topics.density(self.id), encode(self._look(now)), keep=False)]

    def _look(self, now: datetime) -> DensityLive | DensityBlind:
        if self.blind:
            return DensityBlind(at=now, reason="black", model="scripted")
        noise = self.rng.uniform(-CAMERA_NOISE_P_M2, CAMERA_NOISE_P_M2)
        peak = max(0.0, round(self.peak_p_m2 + noise, 3))
        count = round(peak * 60.0, 1)
        return DensityLive(
            at=now,
            count=count,
            count_low=round(count * 0.8, 1),
            count_high=round(count * 1.2, 1),
            peak_p_m2=peak,
            model="scripted",
        )


class Machines(NamedTuple):
    """How a terminal and a lane are made; a plant makes them with a bug."""

    terminal: type[TerminalMachine] = TerminalMachine
    bollard: type[BollardMachine] = BollardMachine


@dataclass
class SimulatedFieldSite:
    """All devices of the site, moved by a script's turns and broken by its faults."""

    site: SiteFile
    agenda: Agenda
    broker: SimBroker
    keys: Mapping[str, Ed25519PublicKey]
    evidence: Evidence
    seed: int
    machines: Machines = field(default_factory=Machines)
    terse_detectors: bool = False
    lines: dict[tuple[str, str], SimFieldLine] = field(default_factory=dict)
    cameras: dict[str, SimulatedCamera] = field(default_factory=dict)
    terminals: dict[str, SimulatedTerminal] = field(default_factory=dict)
    lanes: dict[str, SimulatedBollard] = field(default_factory=dict)
    sensors: dict[str, SimulatedSensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._topics = Topics(self.site.site.id)
        self._rng = random.Random(f"field {self.seed}")
        self._silent: set[str] = set()
        self._vehicle_since: dict[str, float] = {}
        self._flapping: set[str] = set()
        self._make()

    def start(self) -> None:
        """Bring every device on the broker within the first seconds, and let it live."""
        for (kind, _), line in self.lines.items():
            self.agenda.at(self._rng.uniform(0.0, 3.0), line.start)
            begin = self._rng.uniform(3.0, 4.0)
            if kind == DeviceKind.CAMERA:
                self.agenda.at(begin + self._rng.uniform(0, CAMERA_EVERY_S), self._watch, line)
            elif kind == DeviceKind.BOLLARD:
                self.agenda.at(begin, self._guard, line)
            elif kind in (DeviceKind.SENSOR, DeviceKind.COUNTER):
                self.agenda.at(begin, self._measure, line)
        self.agenda.at(60.0, self._look_at_screens)

    # -- the truth -------------------------------------------------------------------------

    def perform(self, turn: Turn) -> None:
        """Something in the field is another than before."""
        if turn.what == "crowd":
            for number in (1, 2):
                self.cameras[f"{turn.id}-{number}"].peak_p_m2 = turn.value
        elif turn.what == "sensor":
            self.sensors[turn.id].machine.value = turn.value
        elif turn.what == "alarm":
            says = self.sensors[turn.id].set_alarm(self.agenda.clock.now(), raised=bool(turn.value))
            self.lines["sensor", turn.id].say(says)
        elif turn.what == "contact":
            self.lanes[turn.id].machine.street.contact = bool(turn.value)
        else:
            self._drive(turn.id, there=bool(turn.value))

    def _drive(self, lane: str, *, there: bool) -> None:
        street = self.lanes[lane].machine.street
        street.vehicle = there
        if there:
            self._vehicle_since.setdefault(lane, self.agenda.t)
            self.evidence.troubles.begin(f"vehicle {lane}", self.agenda.t)
        else:
            self._vehicle_since.pop(lane, None)
            self.evidence.troubles.end(f"vehicle {lane}", self.agenda.t)
        self._tick_lane(self.lines["bollard", lane])

    # -- what breaks -----------------------------------------------------------------------

    def breaks(self, fault: Fault, *, broken: bool) -> None:
        """A device breaks or is mended."""
        name = fault.subject
        if fault.kind is FaultKind.TERMINAL_OFFLINE:
            self._plug("terminal", name, pulled=broken)
        elif fault.kind is FaultKind.LANE_OFFLINE:
            self._plug("bollard", name, pulled=broken)
        elif fault.kind is FaultKind.TERMINAL_CLOCK_UNSET:
            self.terminals[name].machine.faults.clock_unset = broken
        elif fault.kind is FaultKind.CAMERAS_BLIND:
            for number in (1, 2):
                self.cameras[f"{name}-{number}"].blind = broken
        elif fault.kind is FaultKind.CAMERAS_SILENT:
            for number in (1, 2):
                (self._silent.add if broken else self._silent.discard)(f"{name}-{number}")
        else:
            self._break_loop(fault.kind, name, broken=broken)

    def _break_loop(self, kind: FaultKind, lane: str, *, broken: bool) -> None:
        faults = self.lanes[lane].machine.faults
        if kind is FaultKind.LOOP_STALE:
            faults.loop_frozen = broken
        elif kind is FaultKind.LOOP_LYING:
            faults.loop_lies = broken
        elif kind is FaultKind.LOOP_BROKEN:
            faults.loop_fault = broken
        elif broken:
            self._flapping.add(lane)
            self._flap(lane)
        else:
            self._flapping.discard(lane)
            faults.loop_fault = False

    def _flap(self, lane: str) -> None:
        if lane in self._flapping:
            faults = self.lanes[lane].machine.faults
            faults.loop_fault = not faults.loop_fault
            self._tick_lane(self.lines["bollard", lane])
            self.agenda.after(self._rng.uniform(0.2, 3.0), self._flap, lane)

    def _plug(self, kind: str, name: str, *, pulled: bool) -> None:
        cable = self.lines[kind, name].cable
        if pulled:
            cable.cut()
        else:
            cable.mend()

    # -- how devices live ------------------------------------------------------------------

    def _watch(self, line: SimFieldLine) -> None:
        if line.device.id not in self._silent:
            line.tick()
        self.agenda.after(CAMERA_EVERY_S, self._watch, line)

    def _measure(self, line: SimFieldLine) -> None:
        line.tick()
        every_s = COUNTERS if line.device.kind is DeviceKind.COUNTER else SENSORS
        self.agenda.after(every_s, self._measure, line)

    def _guard(self, line: SimFieldLine) -> None:
        self._tick_lane(line)
        awake = self.lanes[line.device.id].machine.motor.drive is not Drive.REST
        self.agenda.after(LANE_AWAKE_S if awake else LANES, self._guard, line)

    def _tick_lane(self, line: SimFieldLine) -> None:
        motor = self.lanes[line.device.id].machine.motor
        before = motor.height
        line.tick()
        since = self._vehicle_since.get(line.device.id)
        if motor.height > before and since is not None and self.agenda.t - since > LOOP_SLACK_S:
            self.evidence.unsafe_moves.append((self.agenda.t, line.device.id))

    def heard(self, kind: str, name: str) -> None:
        """An order came to a device: what it begins goes on at its own pace."""
        line = self.lines[kind, name]
        if kind == DeviceKind.BOLLARD:
            self.agenda.after(LANE_AWAKE_S, self._rouse, line)
            return
        due = self.terminals[name].machine.next_event()
        if due is not None:
            self.agenda.after(max(0.0, due - line.clock.monotonic()) + 0.001, self._speak, line)

    def _rouse(self, line: SimFieldLine) -> None:
        self._tick_lane(line)
        if self.lanes[line.device.id].machine.motor.drive is not Drive.REST:
            self.agenda.after(LANE_AWAKE_S, self._rouse, line)

    def _speak(self, line: SimFieldLine) -> None:
        line.tick()
        self.heard("terminal", line.device.id)

    def _look_at_screens(self) -> None:
        for name, terminal in self.terminals.items():
            machine = terminal.machine
            self.evidence.screens.append(
                Screen(self.agenda.t, name, tuple(sorted(machine.showing)))
            )
        self.agenda.after(30.0, self._look_at_screens)

    # -- making ----------------------------------------------------------------------------

    def _make(self) -> None:
        log = partial(_note, self.evidence, self.agenda)
        site, topics = self.site, self._topics
        for camera in site.cameras:
            device = SimulatedCamera(topics, camera.id, random.Random(f"{self.seed}/{camera.id}"))
            self.cameras[camera.id] = device
            self._line(device, WORKER)
        for counter in site.counters:
            self._line(SimulatedCounter(topics, counter.id, CounterMachine("boot-1")), FIELD)
        for sensor in site.sensors:
            machine = SensorMachine(sensor.id, seed=self.seed, terse=self.terse_detectors)
            self.sensors[sensor.id] = SimulatedSensor(topics, machine, alive_every_s=20.0)
            self._line(self.sensors[sensor.id], FIELD)
        for terminal in site.terminals:
            made = self.machines.terminal(site.site.id, terminal.id, self.keys, log)
            self.terminals[terminal.id] = SimulatedTerminal(topics, made)
            self._line(self.terminals[terminal.id], FIELD)
        for lane in site.bollards:
            controller = self.machines.bollard(site.site.id, lane.id, self.keys, log)
            self.lanes[lane.id] = SimulatedBollard(topics, controller)
            self._line(self.lanes[lane.id], FIELD)

    def _line(self, device: FieldDevice, identity: str) -> None:
        credentials = (identity, self.broker.identities[identity].password)
        key = (device.kind.value, device.id)
        on_order = None
        if device.kind in (DeviceKind.TERMINAL, DeviceKind.BOLLARD):
            on_order = partial(self.heard, *key)
        self.lines[key] = SimFieldLine(
            self.agenda,
            self.broker,
            Cable(random.Random(f"cable {self.seed}/{device.kind}/{device.id}")),
            self._topics,
            device,
            clock=StepClock(self.agenda.clock),
            credentials=credentials,
            on_order=on_order,
        )


def _note(evidence: Evidence, agenda: Agenda, entry: FieldEntry) -> None:
    evidence.acts.append(Act(agenda.t, entry))
