"""The kill test: a real service under load, killed at random moments, and what was lost by it.

Real processes and sockets: Mosquitto, `yinding serve` with full sync, simulated devices. Sensors
publish without pause and note what the broker took. In each round a detector raises or clears its
alarm, and SIGKILL ends the service at a random moment around it. At the end, every reading that
the broker took must be in the store, and every terminal must have acted exactly once on each order.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from model.clock import Clock
from model.facts import DeviceKind, SensorReading
from service.bench_mosquitto import mosquitto
from service.exits import OutsideError
from service.meeting_point import find, wait_for
from service.secrets_folder import make_missing, public_keys_path
from service.site import LoadedSite, open_site
from simulators.field import SimulatedField
from simulators.logbook import FieldEntry
from store.embedded import Store
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink, LinkLostError
from wire.keys import read_public_keys
from wire.topics import Topics

log = logging.getLogger(__name__)

LOADS = tuple(f"load-{number}" for number in range(1, 5))
TERMINALS = tuple(f"terminal-{number}" for number in range(1, 5))
PER_SENSOR_S = 50.0
ANSWER_WITHIN_S = 60.0
EARLY_SHARE = 0.2
"""So many kills hit a service that is still starting."""

SLICE = timedelta(seconds=20)

SITE = """
site: {{id: kill, name: {{zh: 测, en: Kill}}, origin: {{lat: 39.9, lon: 116.4}}}}
broker: {{host: 127.0.0.1, port: {port}}}
store: {{folder: data, full_sync: true}}
keys: {{signing_key_file: orders.key, key_id: orders-1}}
console: {{host: 127.0.0.1, port: 0}}
zones:
  - id: bridge
    name: {{zh: 桥, en: Bridge}}
    outline: [[0, 0], [20, 0], [20, 20], [0, 20]]
    usable_area_m2: 400
    m2_per_visitor: 1
sensors:
  - {{id: fire-1, name: {{zh: 火警, en: Fire}}, zones: [bridge], silent_after_s: 3600}}
{loads}
terminals:
{terminals}
rules:
  - id: fire
    hazard: fire
    signal: alarm
    alarm: fire
    level: red
    hold_s: 0
    clear_hold_s: 0.2
    text: {{zh: 火警, en: Fire}}
plans:
  - id: fire-red
    hazard: fire
    level: red
    approval: none
    text: {{zh: 请离开, en: Leave now}}
    cancel: {{zh: 解除, en: Over}}
"""

Summary = dict[str, Any]


def kill_test(
    *,
    rounds: int,
    seed: int,
    folder: Path | None,
    clock: Clock,
    on_round: Callable[[int], None] = lambda _round: None,
) -> Summary:
    """Kill the service `rounds` times. `folder` is where its store lies: take a real disk.

    Raises OutsideError where Mosquitto is missing or the service does not come back.
    """
    with (
        tempfile.TemporaryDirectory(prefix="yinding-kill-", dir=folder) as place,
        mosquitto() as broker,
    ):
        loaded = _site(Path(place), broker.port)
        bench = _Bench(loaded, broker, clock, random.Random(seed))
        asyncio.run(bench.run(rounds, on_round))
        return bench.judge(rounds)


def bad_words(summary: Summary) -> list[str]:
    """Why a result is bad; nothing where it is good."""
    bad = [f"{summary[name]} {name}" for name in ("lost", "missed", "doubled") if summary[name]]
    bad += [f"no {name}" for name in ("kills", "acknowledged", "shown") if not summary[name]]
    return bad


def _site(folder: Path, port: int) -> LoadedSite:
    line = "  - {{id: {0}, name: {{zh: 测, en: Load}}, zones: [bridge]}}"
    path = folder / "site.yaml"
    text = SITE.format(
        port=port,
        loads="\n".join(line.format(name) for name in LOADS),
        terminals="\n".join(line.format(name) for name in TERMINALS),
    )
    path.write_text(text, "utf-8")
    loaded = open_site(path, secrets_needed=False)
    make_missing(loaded.site, loaded.folder)
    return loaded


@dataclass
class _Bench:
    """One test: the processes, the load, and what was noted."""

    loaded: LoadedSite
    broker: BrokerAddress
    clock: Clock
    rng: random.Random
    acknowledged: dict[str, set[datetime]] = field(
        default_factory=lambda: {name: set() for name in LOADS}
    )
    acts: list[FieldEntry] = field(default_factory=list)
    kills: int = 0
    missed: int = 0
    _child: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self._heard = asyncio.Event()
        self._began = self.clock.now()
        self._topics = Topics(self.loaded.site.site.id)
        keys = read_public_keys(public_keys_path(self.loaded.site, self.loaded.folder))
        self._field = SimulatedField(
            self.loaded.site,
            public_keys=keys,
            clock=self.clock,
            log=self._note,
            only=(DeviceKind.TERMINAL, DeviceKind.SENSOR),
        )

    def _note(self, entry: FieldEntry) -> None:
        self.acts.append(entry)
        self._heard.set()

    async def run(self, rounds: int, on_round: Callable[[int], None]) -> None:
        """Load, kill, and come to rest; the service is stopped in good order at the end."""
        field_task = asyncio.create_task(self._field.run(self.broker), name="simulated field")
        loads: list[asyncio.Task[None]] = []
        try:
            await self._start()
            await self._ready()
            # The broker keeps nothing for a listener that it never met: meet it first.
            for raised in (True, False):
                await self._drained(raised=raised)
            loads += [asyncio.create_task(self._load(name), name=name) for name in LOADS]
            for number in range(rounds):
                await self._round(raised=number % 2 == 0)
                on_round(number + 1)
            for task in loads:
                task.cancel()
            await asyncio.gather(*loads, return_exceptions=True)
            await self._drained(raised=rounds % 2 == 0)
        finally:
            field_task.cancel()
            for task in loads:
                task.cancel()
            await asyncio.gather(field_task, *loads, return_exceptions=True)
            await self._stop()

    async def _round(self, *, raised: bool) -> None:
        """An alarm changes and the service is killed near it; the terminals must hear of it."""
        early = self.rng.random() < EARLY_SHARE
        what = "played" if raised else "cancelled"
        before = self._counts(what)
        change = asyncio.create_task(self._change(self.rng.uniform(0.0, 0.3), raised=raised))
        await asyncio.sleep(self.rng.uniform(0.0, 0.6))
        await self._kill()
        await change
        await self._start()
        if early:
            await asyncio.sleep(self.rng.uniform(0.0, 1.0))
            await self._kill()
            await self._start()
        await self._ready()
        await self._told(what, before)

    async def _change(self, after_s: float, *, raised: bool) -> None:
        await asyncio.sleep(after_s)
        self._field.set_alarm("fire-1", raised=raised)

    async def _drained(self, *, raised: bool) -> None:
        """Change the alarm once more: the broker keeps the order of messages, so what came before is
        on disk when the terminals have heard of it."""
        what = "played" if raised else "cancelled"
        before = self._counts(what)
        self._field.set_alarm("fire-1", raised=raised)
        await self._told(what, before)

    async def _told(self, what: str, before: Counter[str]) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while any(self._counts(what)[name] <= before[name] for name in TERMINALS):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            self.missed += 1
            log.error("not every terminal %s within %.0f s", what, ANSWER_WITHIN_S)

    def _counts(self, what: str) -> Counter[str]:
        return Counter(
            each.device
            for each in self.acts
            if each.what == what and (what == "cancelled" or each.detail != "cancel")
        )

    async def _load(self, name: str) -> None:
        """One sensor that never pauses; what the broker acknowledged is noted."""
        last = self.clock.now()
        while True:
            with suppress(LinkLostError):
                async with FieldLink(self.broker, client_id=f"kill-{name}") as link:
                    while True:
                        await asyncio.sleep(1.0 / PER_SENSOR_S)
                        at = max(_whole_ms(self.clock.now()), last + timedelta(milliseconds=1))
                        last = at
                        reading = SensorReading(at=at, quantity="noise", value=50.0, unit="dB(A)")
                        await link.publish(self._topics.reading(name), encode(reading))
                        self.acknowledged[name].add(at)

    # -- the service -----------------------------------------------------------------------

    async def _start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "service.cli", "serve", str(self.loaded.path), "--workers", "0", "--tied"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def _ready(self) -> None:
        await asyncio.to_thread(wait_for, self.loaded.data_folder, within_s=ANSWER_WITHIN_S)
        point = find(self.loaded.data_folder)
        if self._child is None or point is None or point.process != self._child.pid:
            raise OutsideError("another service answers in the kill test's folder")

    async def _kill(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            raise OutsideError("the service ended by itself")
        child.kill()
        await child.wait()
        self.kills += 1

    async def _stop(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.terminate()
            await self._child.wait()

    # -- the judge -------------------------------------------------------------------------

    def judge(self, rounds: int) -> Summary:
        """Compare what the broker took with what the store holds, and count the acts."""
        lost = 0
        with Store.open(self.loaded.data_folder) as store:
            for name, stamps in self.acknowledged.items():
                lost += len(stamps - self._stored(store, name))
        acts = Counter(
            (each.device, each.order)
            for each in self.acts
            if each.what in ("shown", "cancelled") and each.order
        )
        said = Counter(
            (each.device, each.warning)
            for each in self.acts
            if each.what == "shown" and each.warning
        )
        doubled = sum(n - 1 for n in acts.values()) + sum(n - 1 for n in said.values())
        return {
            "rounds": rounds,
            "kills": self.kills,
            "acknowledged": sum(len(stamps) for stamps in self.acknowledged.values()),
            "lost": lost,
            "shown": sum(said.values()),
            "missed": self.missed,
            "doubled": doubled,
        }

    def _stored(self, store: Store, name: str) -> set[datetime]:
        found: set[datetime] = set()
        start, end = self._began - SLICE, self.clock.now() + SLICE
        while start < end:
            points = store.series("sensor", name, "noise", start, start + SLICE)
            found.update(point.at.astimezone(UTC) for point in points)
            start += SLICE
        return found


def _whole_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
