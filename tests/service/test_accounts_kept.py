"""An account of people inside that was set right is kept at once: a crash right behind its commit loses none."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.schema import Counter, SiteFile
from model.facts import Decision, Verb
from service.resuming import Makers
from service.torture_house import House
from simulators.torture.agenda import Agenda
from simulators.torture.evidence import Evidence
from simulators.torture.network import Cable, SimBroker, everyone
from simulators.torture.script import FaultKind
from simulators.torture.service_line import ServiceLine
from simulators.torture.site import torture_site
from wire.access import FIELD
from wire.signing import OrderSigner
from wire.topics import Filter, Topics

BEGIN = datetime(2026, 2, 17, 9, 59, tzinfo=UTC)
EMPTY_AT = time(18, 0)  # of the site: one minute after the beginning
HOUR_S = 60.0
GATE = "gate-shore"


def gated_site(empty_at: time | None) -> SiteFile:
    """The shore is watched by one gate and no camera."""
    site = torture_site()
    zones = [
        zone.model_copy(update={"empty_at": empty_at}) if zone.id == "shore" else zone
        for zone in site.zones
    ]
    gate = Counter(id=GATE, name=site.zones[0].name, zone="shore")
    return site.model_copy(update={"zones": zones, "counters": [gate]})


class Shore:
    """A service with one gate on the agenda, and an ear for what it tells of the shore."""

    def __init__(self, folder: Path, empty_at: time | None) -> None:
        site = gated_site(empty_at)
        self.agenda = Agenda(BEGIN)
        self.topics = Topics(site.site.id)
        broker = SimBroker(self.agenda, everyone(self.topics))
        broker.taps.append(self._listen)
        self.told: list[dict[str, Any]] = []
        self.gate = ServiceLine(
            self.agenda,
            broker,
            Cable(random.Random("gate")),
            client_id=GATE,
            credentials=(FIELD, broker.identities[FIELD].password),
            filters=(Filter(topic=f"{self.topics.root}/counter/{GATE}/none", qos=1),),
            clock=self.agenda.clock,
        )
        self.house = House(
            site=site,
            agenda=self.agenda,
            broker=broker,
            cable=Cable(random.Random("service")),
            folder=folder,
            signer=OrderSigner(Ed25519PrivateKey.generate(), site.keys.key_id),
            evidence=Evidence(),
            rng=random.Random("house"),
            pace_s=0.5,
            makers=Makers(),
        )

    def _listen(self, topic: str, payload: bytes) -> None:
        if topic == f"{self.topics.root}/zone/shore/state" and payload:
            self.told.append(json.loads(payload))

    def passed(self, in_total: int) -> None:
        """The gate tells its totals since it was started."""
        body = {
            "at": self.agenda.clock.now().isoformat(),
            "boot": "b",
            "seq": in_total,
            "in_total": in_total,
            "out_total": 0,
        }
        self.gate.publish(f"{self.topics.root}/counter/{GATE}/count", json.dumps(body).encode())

    def count(self) -> None:
        """An operator counts those inside."""
        decision = Decision(
            at=self.agenda.clock.now(),
            id="decision-1",
            person="operator",
            session="desk-1",
            verb=Verb.COUNT,
            subject="shore",
            people=40,
        )
        assert self.house.submit(decision) is not None

    def crash(self) -> None:
        """The process ends in its next step, right behind the commit."""
        self.house.set_trap(FaultKind.KILLED_AFTER_COMMIT, sends=1, down_s=2.0)


def _by_the_hour(shore: Shore) -> None:
    shore.agenda.at(HOUR_S - 0.1, shore.crash)


def _by_eye(shore: Shore) -> None:
    shore.agenda.at(HOUR_S - 0.1, shore.count)
    shore.agenda.at(HOUR_S - 0.1, shore.crash)


@pytest.mark.parametrize(
    ("empty_at", "set_right", "inside"),
    [(EMPTY_AT, _by_the_hour, 0), (None, _by_eye, 40)],
    ids=["the hour when nobody is inside", "a count by eye"],
)
@pytest.mark.parametrize("started_s", [0.2, 1.2, 2.2, 3.2, 4.2])
def test_an_account_that_was_set_right_outlives_a_crash_behind_its_commit(
    tmp_path: Path,
    empty_at: time | None,
    set_right: Callable[[Shore], None],
    inside: int,
    started_s: float,
) -> None:
    """Wherever in the five seconds between two ordinary savings the crash falls."""
    shore = Shore(tmp_path, empty_at)
    shore.agenda.at(started_s, shore.house.start)
    shore.agenda.at(0.1, shore.gate.start)
    shore.agenda.at(20.0, shore.passed, 7)
    set_right(shore)
    shore.agenda.run_until(HOUR_S - 1)
    assert shore.told, "the service told of the shore"
    assert "occupancy" not in shore.told[-1], "nobody knows who was inside before"
    shore.agenda.run_until(HOUR_S + 1)
    shore.told.clear()
    shore.agenda.at(HOUR_S + 10, shore.passed, 7 + 3)
    shore.agenda.run_until(HOUR_S + 20)
    assert shore.house.evidence.crashes == []
    assert shore.told[-1]["occupancy"] == inside + 3
    shore.house.close()
