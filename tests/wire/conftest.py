"""The brokers that the link's suite is run against: Mosquitto, the embedded and the simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mosquitto import running_mosquitto
from tests.wire.lines import TOPICS, Site
from tests.wire.simulated_broker import World
from wire.access import identity_classes
from wire.embedded_broker import EmbeddedBroker


@pytest.fixture(
    params=[pytest.param("mosquitto", marks=pytest.mark.broker), "embedded", "simulated"]
)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "simulated":
        world = World(TOPICS)
        yield Site(world, world.addresses)
        return
    identities = identity_classes(TOPICS)
    if request.param == "embedded":
        embedded = EmbeddedBroker(identities)
        embedded.start()
        yield Site(embedded, {one.name: embedded.address(one.name) for one in identities})
        embedded.stop()
        return
    people = {one.name: one.password for one in identities}
    with running_mosquitto(tmp_path, people=people, persistent=True) as mosquitto:
        yield Site(
            mosquitto, {name: mosquitto.address(name, word) for name, word in people.items()}
        )
