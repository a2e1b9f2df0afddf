"""After a restart: what the broker kept of the field is news to the new life, and no second event on disk."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from ingest.intake import Intake
from model.cases import CaseState
from model.facts import DeviceKind, DeviceStatus
from model.health import HealthState
from service.resuming import keeping_of, resume_announcer, resume_deciders
from service.spine import BATCH_MAX, Deciders, Spine
from simulators.torture.service_line import ServiceLine
from store.embedded import Store
from store.feed import Feed
from tests.devices.rig import SIGNER, small_site
from tests.wire.simulated_broker import SimulatedPeer, World
from wire.access import FIELD, SERVICE
from wire.codec import Decoder, encode
from wire.topics import Topics

SITE = small_site()
TOPICS = Topics(SITE.site.id)
PAST_ALL_GRACE_S = 30.0
STEP_S = 0.5
numbers = count(1)


def lives(world: World, store: Store, seconds: float) -> Deciders:
    """One life of the service on a broker, and what it believes at its end."""
    clock, name = world.agenda.clock, world.addresses[SERVICE]
    line = ServiceLine(
        world.agenda,
        world.sim,
        world.cable(),
        client_id="service",
        credentials=(SERVICE, name.password or ""),
        filters=TOPICS.service_filters(),
        clock=clock,
        will=None,
    )
    deciders = resume_deciders(
        SITE, store, SIGNER.sign, clock=clock, new_id=lambda: f"case-{next(numbers)}"
    )
    intake = Intake(line, Decoder.for_site(SITE), clock=clock)
    spine = Spine(
        clock=clock,
        store=store,
        feed=Feed(),
        intake=intake,
        link=line,
        deciders=deciders,
        announcer=resume_announcer(SITE, store, line, deciders, node="n1", clock=clock),
        keeping=keeping_of(SITE),
    )
    line.start()
    for _ in range(round(seconds / STEP_S)):
        world.pass_time(STEP_S)
        spine.step(intake.next_batch(BATCH_MAX, 0.0))
    line.die()
    return deciders


def test_a_terminal_that_is_on_line_all_the_time_is_so_after_a_restart_too(tmp_path: Path) -> None:
    """It says so once, when it connects, and has nothing else to say between orders."""
    world = World(TOPICS)
    screen = SimulatedPeer(world, world.addresses[FIELD], "screen-1", "")
    birth = DeviceStatus(state="online", at=world.agenda.clock.now())
    screen.say(TOPICS.status(DeviceKind.TERMINAL, "screen-1"), encode(birth), retain=True)
    with Store.open(tmp_path) as store:
        for _ in range(3):
            registry = lives(world, store, PAST_ALL_GRACE_S).registry
            told = [registry.get(DeviceKind.TERMINAL, name) for name in ("screen-1", "screen-2")]
            assert [each and each.state for each in told] == [
                HealthState.ONLINE,
                HealthState.OFFLINE,
            ]
        faults = [case for case in store.cases() if case.subject == "screen-1"]
        assert [case for case in faults if case.state is not CaseState.CLOSED] == []
        kept = [fact for fact in store.events(kind="terminal") if fact.source == "screen-1"]
        assert len(kept) == 1
