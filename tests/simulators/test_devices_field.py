"""The simulated field on a real broker: real connections, wills, orders and receipts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from devices.health import HealthRegistry
from devices.outbox import Outbox
from model.actions import Action
from model.clock import SystemClock
from model.facts import DeviceKind, Fact
from model.health import HealthState
from model.orders import Motion, OrderRecord, OrderState
from simulators.field import Fault, SimulatedField
from simulators.logbook import FieldEntry
from tests.devices.rig import KEYS, SIGNER, cancel, move, show, small_site
from tests.mosquitto import Mosquitto, running_mosquitto
from tests.waiting import eventually
from wire.access import FIELD, SERVICE, identity_classes
from wire.address import BrokerAddress
from wire.codec import Decoder
from wire.embedded_broker import EmbeddedBroker
from wire.field_link import FieldLink
from wire.topics import Topics

pytestmark = pytest.mark.broker

SITE = small_site()
TOPICS = Topics("small")


class Centre:
    """A centre of few lines: facts in, outbox, orders out. No disk: that is the spine's part."""

    def __init__(self, link: FieldLink) -> None:
        self.clock = SystemClock()
        self.facts: list[Fact] = []
        self.records: dict[str, OrderRecord] = {}
        self.health = HealthRegistry(SITE)
        self.outbox = Outbox(
            SITE,
            SIGNER.sign,
            last_counter=0,
            unfinished=(),
            now=self.clock.now(),
            mono=self.clock.monotonic(),
        )
        self._link = link
        self._decoder = Decoder.for_site(SITE)

    async def listen(self) -> None:
        async for message in self._link.messages():
            now, mono = self.clock.now(), self.clock.monotonic()
            fact = self._decoder.decode(
                message.topic, message.payload, retained=message.retained, arrived=now, mono=mono
            )
            assert isinstance(fact, Fact), fact
            self.facts.append(fact)
            self.health.observe([fact], now, mono)
            self._keep(self.outbox.observe([fact], now, mono).changed)
            await self.send()

    async def order(self, *actions: Action) -> None:
        step = self.outbox.plan(actions, self.clock.now(), self.clock.monotonic())
        assert step.refused == ()
        self._keep(step.changed)
        await self.send()

    async def send(self) -> None:
        now, mono = self.clock.now(), self.clock.monotonic()
        records = self.outbox.due(mono)
        for record in records:
            await self._link.publish(self.outbox.topic_of(record), record.payload)
        self.outbox.mark_sent([record.id for record in records], now, mono)
        self._keep(self.outbox.tick(now, mono).changed)

    def _keep(self, records: tuple[OrderRecord, ...]) -> None:
        self.records.update({record.id: record for record in records})

    def states(self, action: str) -> set[OrderState]:
        return {record.state for record in self.records.values() if record.action == action}

    def is_online(self, kind: DeviceKind, device: str) -> bool:
        health = self.health.get(kind, device)
        return health is not None and health.state is HealthState.ONLINE


class Scene:
    """A running field with its logs, and a centre."""

    def __init__(self, field: SimulatedField, centre: Centre, seen: list[FieldEntry]) -> None:
        self.field = field
        self.centre = centre
        self.seen = seen

    async def until(self, condition: Callable[[], object], *, within_s: float = 60.0) -> None:
        """Wait for something with a deadline, while the centre goes on sending."""
        async with asyncio.timeout(within_s):
            while not condition():
                await self.centre.send()
                await asyncio.sleep(0.02)

    def whats(self, device: str) -> list[str]:
        return [entry.what for entry in self.seen if entry.device == device]

    async def everybody_on(self) -> None:
        await self.until(lambda: self.field.connected == len(self.field.lines))
        await self.until(
            lambda: all(
                health.state is HealthState.ONLINE
                for health in self.centre.health.states()
                if health.kind is not DeviceKind.CAMERA
            )
        )


@asynccontextmanager
async def scene(
    address: BrokerAddress, centre_address: BrokerAddress | None = None
) -> AsyncIterator[Scene]:
    seen: list[FieldEntry] = []
    field = SimulatedField(SITE, public_keys=KEYS, clock=SystemClock(), log=seen.append)
    async with FieldLink(
        centre_address or address, client_id="centre", filters=TOPICS.service_filters()
    ) as link:
        centre = Centre(link)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(centre.listen(), name="centre"),
                tasks.create_task(field.run(address), name="field"),
            ]
            yield Scene(field, centre, seen)
            for task in reversed(running):
                task.cancel()


Brokers = tuple[BrokerAddress, BrokerAddress]


@pytest.fixture(params=["mosquitto", "embedded"])
def brokers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Brokers]:
    """Where the field and the centre connect, on either broker."""
    if request.param == "mosquitto":
        with running_mosquitto(tmp_path) as broker:
            yield broker.address(), broker.address()
        return
    embedded = EmbeddedBroker(identity_classes(TOPICS))
    embedded.start()
    try:
        yield embedded.address(FIELD), embedded.address(SERVICE)
    finally:
        embedded.stop()


def test_a_site_comes_online_obeys_and_answers(brokers: Brokers) -> None:
    async def evening() -> None:
        async with scene(*brokers) as on:
            await on.everybody_on()
            on.field.set_sensor("noise-1", 80.0)
            on.field.set_inflow("gate-1", 20.0)
            on.field.set_alarm("fire-1", raised=True)
            await on.centre.order(show("case-1", "screen-1", "screen-2"), move(Motion.RAISE))
            await on.until(lambda: on.centre.states("show") == {OrderState.PLAYED})
            await on.until(lambda: on.centre.states("raise") == {OrderState.DONE})
            await on.centre.order(cancel("case-1", "screen-1", "screen-2"), move(Motion.LOWER))
            await on.until(lambda: on.centre.states("lower") == {OrderState.DONE})
            await on.until(lambda: on.centre.states("cancel") == {OrderState.PLAYED})
            assert "bad_signature" not in {entry.what for entry in on.seen}
            assert on.whats("screen-1").count("shown") == 1
            assert on.whats("lane-2").count("moved") == 2
            bodies = [msgspec.to_builtins(fact.body) for fact in on.centre.facts]
            assert any(body.get("value", 0) > 79 for body in bodies)
            assert any(body.get("hazard") == "fire" for body in bodies)
            await on.until(
                lambda: any(
                    msgspec.to_builtins(fact.body).get("in_total", 0) > 20
                    for fact in on.centre.facts
                )
            )

    asyncio.run(evening())


def test_a_terminal_whose_cable_is_pulled_misses_the_withdrawn_message(tmp_path: Path) -> None:
    async def evening(broker: Mosquitto) -> None:
        async with scene(broker.address()) as on:
            await on.everybody_on()
            on.field.set_fault(DeviceKind.TERMINAL, "screen-1", Fault.OFFLINE, on=True)
            await on.until(lambda: not on.centre.is_online(DeviceKind.TERMINAL, "screen-1"))
            await on.centre.order(show("case-1", "screen-1"))
            await on.centre.order(show("case-2", "screen-1"))
            await on.centre.order(cancel("case-1", "screen-1"))
            on.field.set_fault(DeviceKind.TERMINAL, "screen-1", Fault.OFFLINE, on=False)
            await on.until(lambda: on.centre.states("cancel") == {OrderState.PLAYED})
            await on.until(lambda: OrderState.PLAYED in on.centre.states("show"))
            shown = [entry.warning for entry in on.seen if entry.what == "shown"]
            assert shown == ["case-2"]

    with running_mosquitto(tmp_path) as broker:
        asyncio.run(evening(broker))


def test_dropped_receipts_repeat_the_order_and_never_the_act(tmp_path: Path) -> None:
    async def evening(broker: Mosquitto) -> None:
        async with scene(broker.address()) as on:
            await on.everybody_on()
            on.field.set_fault(DeviceKind.TERMINAL, "screen-1", Fault.DROPS_RECEIPTS, on=True)
            await on.centre.order(show("case-1", "screen-1"))
            await on.until(lambda: on.whats("screen-1").count("good_signature") >= 2)
            on.field.set_fault(DeviceKind.TERMINAL, "screen-1", Fault.DROPS_RECEIPTS, on=False)
            await on.until(lambda: on.centre.states("show") == {OrderState.PLAYED})
            assert on.whats("screen-1").count("shown") == 1

    with running_mosquitto(tmp_path) as broker:
        asyncio.run(evening(broker))


def test_the_field_comes_back_after_the_broker_was_gone(tmp_path: Path) -> None:
    async def evening(broker: Mosquitto) -> None:
        async with scene(broker.address()) as on:
            await on.everybody_on()
        seen: list[FieldEntry] = []
        field = SimulatedField(SITE, public_keys=KEYS, clock=SystemClock(), log=seen.append)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(field.run(broker.address()))
            await eventually(lambda: field.connected == len(field.lines))
            broker.kill()
            await eventually(lambda: field.connected == 0)
            broker.start()
            await eventually(lambda: field.connected == len(field.lines))
            running.cancel()

    with running_mosquitto(tmp_path) as broker:
        asyncio.run(evening(broker))


def test_a_fault_that_a_device_cannot_have_is_refused() -> None:
    async def wrong() -> None:
        field = SimulatedField(SITE, public_keys=KEYS, clock=SystemClock(), log=lambda _: None)
        for kind, device, fault in (
            (DeviceKind.TERMINAL, "screen-1", Fault.LOOP_LIES),
            (DeviceKind.BOLLARD, "lane-1", Fault.SPEAKER_BROKEN),
            (DeviceKind.COUNTER, "gate-1", Fault.CLOCK_UNSET),
        ):
            with pytest.raises(ValueError, match="cannot have the fault"):
                field.set_fault(kind, device, fault, on=True)
        with pytest.raises(ValueError, match="measures nothing"):
            field.set_sensor("fire-1", 1.0)

    asyncio.run(wrong())
