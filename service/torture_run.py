"""One seeded run of the whole system: its field, its network, its service, its judge."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.torture_house import House
from service.torture_plants import TorturePlant, drill_of
from service.torture_room import Room
from simulators.torture.agenda import Agenda
from simulators.torture.evidence import Evidence, OnAir
from simulators.torture.field import SimulatedFieldSite
from simulators.torture.forger import Forger
from simulators.torture.network import WELL_S, Cable, SimBroker, everyone
from simulators.torture.observer import Findings, observe
from simulators.torture.script import KILLS, Fault, FaultKind, Script, write_script
from simulators.torture.site import torture_site
from wire.signing import OrderSigner
from wire.topics import Topics

BEGIN = datetime(2026, 2, 17, 10, 0, tzinfo=UTC)
ASLEEP_S = 2.0
"""A service that starts has the field connected before it, or after it; both happen."""

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a run's store needs no disk; only its own user reads it
SITE = torture_site()


def run_seed(seed: int, *, plant: TorturePlant | None = None) -> Findings:
    """Live through the run of a seed and judge it. The same seed gives the same findings."""
    return run_script(write_script(seed), plant=plant)


def run_script(script: Script, *, plant: TorturePlant | None = None) -> Findings:
    """Live through a script and judge it."""
    place = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="yinding-torture-", dir=place) as folder:
        run = _Run(script, Path(folder), plant)
        run.live()
        return observe(SITE, script, run.evidence, digest=_digest(run.evidence))


def _digest(evidence: Evidence) -> str:
    """One number for everything the field did: two runs of one seed must agree on it."""
    lines = [
        f"{act.t:.6f} {act.entry.device} {act.entry.what} {act.entry.order} {act.entry.detail}"
        for act in evidence.acts
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class _Run:
    """All parts of one run, wired."""

    def __init__(self, script: Script, folder: Path, plant: TorturePlant | None) -> None:
        self.script = script
        self.evidence = Evidence()
        self.agenda = Agenda(BEGIN)
        drill = drill_of(plant)
        rng = random.Random(f"run {script.seed}")
        topics = Topics(SITE.site.id)
        private = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        signer = OrderSigner(private, SITE.keys.key_id)
        spare = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)).public_key()
        self.broker = SimBroker(self.agenda, everyone(topics))
        self.broker.taps.append(partial(_listen, self.evidence, self.agenda, topics))
        self.field = SimulatedFieldSite(
            SITE,
            self.agenda,
            self.broker,
            {SITE.keys.key_id: private.public_key(), "orders-2": spare},
            self.evidence,
            script.seed,
            machines=drill.machines,
            terse_detectors=script.terse_detectors,
        )
        self.house = House(
            site=SITE,
            agenda=self.agenda,
            broker=self.broker,
            cable=Cable(random.Random(f"cable {script.seed}/service")),
            folder=folder,
            signer=signer,
            evidence=self.evidence,
            rng=random.Random(f"house {script.seed}"),
            pace_s=script.pace_s,
            makers=drill.makers,
            wrap_line=drill.wrap_line,
        )
        self.room = Room(
            self.agenda,
            self.evidence,
            random.Random(f"room {script.seed}"),
            script.answers,
            self.house.submit,
        )
        self.house.on_commits, self.house.on_start = self.room.watch, self.room.look_anew
        self.forger = Forger(
            self.agenda,
            self.field,
            self.evidence,
            topics,
            SITE.keys.key_id,
            random.Random(f"forger {script.seed}"),
        )
        self._rng = rng

    def live(self) -> None:
        """From the first connection to the end."""
        script, agenda = self.script, self.agenda
        self.field.start()
        agenda.at(self._rng.uniform(0.0, 2 * ASLEEP_S), self.house.start)
        for turn in script.turns:
            agenda.at(turn.t, self.field.perform, turn)
        for fault in script.faults:
            agenda.at(fault.start, self._break, fault)
        for t in script.attacks:
            agenda.at(t, self.forger.strike)
        for _ in range(self._rng.randint(0, 3)):
            at = self._rng.uniform(300.0, script.length_s)
            agenda.at(at, self.room.lower, "north")
        agenda.run_until(script.length_s)
        self.house.close()
        self.evidence.troubles.close(script.length_s)

    def _break(self, fault: Fault) -> None:
        self.evidence.faults[fault.kind.value] += 1
        self.evidence.troubles.begin(_trouble(fault), self.agenda.t)
        if fault.kind in KILLS:
            self._kill(fault)
        else:
            self._turn(fault, broken=True)
        self.agenda.at(fault.end, self._mend, fault)

    def _mend(self, fault: Fault) -> None:
        self.evidence.troubles.end(_trouble(fault), self.agenda.t)
        if fault.kind not in KILLS:
            self._turn(fault, broken=False)

    def _kill(self, fault: Fault) -> None:
        down_s = fault.end - fault.start
        if fault.kind is FaultKind.KILLED_BETWEEN_STEPS:
            self.house.kill(down_s=down_s)
        else:
            self.house.set_trap(fault.kind, sends=int(fault.size), down_s=down_s)

    def _turn(self, fault: Fault, *, broken: bool) -> None:
        cable, kind = self.house.cable, fault.kind
        if kind is FaultKind.DISK_FULL:
            self.house.trap.disk_full = broken
        elif kind is FaultKind.CLOCK_STEPPED:
            self.house.clock.off_s += fault.size if broken else -fault.size
        elif kind in (FaultKind.BROKER_RESTARTED, FaultKind.BROKER_FORGOT):
            if broken:
                self.broker.stop(forget=kind is FaultKind.BROKER_FORGOT)
            else:
                self.broker.start()
        elif kind is FaultKind.LINK_CUT:
            (cable.cut if broken else cable.mend)()
        elif kind in _LINE_FAULTS:
            for each in (cable, *(line.cable for line in self.field.lines.values())):
                _worsen(each, kind, broken=broken)
        else:
            self.field.breaks(fault, broken=broken)


_LINE_FAULTS = (FaultKind.LINK_SLOW, FaultKind.LINK_DOUBLING, FaultKind.LINK_UNORDERED)


def _worsen(cable: Cable, kind: FaultKind, *, broken: bool) -> None:
    """Make a line slow, doubling or unordered, or well again."""
    if kind is FaultKind.LINK_DOUBLING:
        cable.doubling = 0.3 if broken else 0.0
        return
    if kind is FaultKind.LINK_UNORDERED:
        cable.unordered = broken
    slowest_s = 1.2 if kind is FaultKind.LINK_SLOW else 0.8
    cable.delay_s = (0.05, slowest_s) if broken else WELL_S


def _trouble(fault: Fault) -> str:
    return f"{fault.kind.value} {fault.subject}".strip()


def _listen(evidence: Evidence, agenda: Agenda, topics: Topics, topic: str, payload: bytes) -> None:
    """An ear on the broker that nothing escapes: orders and warnings as they were said."""
    address = topics.parse(topic)
    if address is None or not payload:
        return
    if address.leaf == "order":
        body = json.loads(payload)
        key = (address.device, str(body["id"]))
        if key not in evidence.orders:
            evidence.orders[key] = OnAir(agenda.t, address.kind, address.device, body, payload)
    elif address.kind == "warning":
        body = json.loads(payload)
        evidence.warnings.append(
            (agenda.t, address.device, body["zone"], body["hazard"], body["state"])
        )
