"""Forged, replayed, expired, reordered, misaddressed and bit-flipped orders are never obeyed."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.facts import DeviceKind
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from simulators.bollards import BollardMachine
from simulators.logbook import FieldEntry
from simulators.terminals import TerminalMachine
from tests.devices.rig import KEYS, SIGNER, START, TEXT
from wire.signing import OrderSigner
from wire.topics import Topics

ATTACKS = int(os.environ.get("YINDING_FORGERIES", "1500"))
TOPICS = Topics("small")
SCREEN = TOPICS.order(DeviceKind.TERMINAL, "screen-1")
LANE = TOPICS.order(DeviceKind.BOLLARD, "lane-1")
THIEF = OrderSigner(Ed25519PrivateKey.from_private_bytes(b"t" * 32), "key-1")


class Attacker:
    """Somebody who hears every order of the site and may publish anything on any topic."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.acts: list[FieldEntry] = []
        self.overheard: list[tuple[str, bytes]] = []
        self.screen = TerminalMachine(
            site_id="small", terminal_id="screen-1", keys=KEYS, log=self.acts.append
        )
        self.lane = BollardMachine(
            site_id="small", bollard_id="lane-1", keys=KEYS, log=self.acts.append
        )
        self.now = START
        self.mono = 1000.0
        self.counter = 0
        self.ours: set[str | None] = set()
        self.obeyed: Counter[tuple[str, str | None]] = Counter()

    def genuine(self, topic: str, *, signer: OrderSigner = SIGNER) -> bytes:
        """An order as the service writes it, for the topic."""
        self.counter += 1
        order: TerminalOrder | BollardOrder
        if "/terminal/" in topic:
            order = self._show()
        else:
            order = BollardOrder(
                id=f"order-{self.counter}",
                counter=self.counter,
                issued=self.now,
                expires=self.now + timedelta(seconds=10),
                motion=Motion.RAISE,
                exercise=False,
                key="key-1",
                signature="",
            )
        return signer.sign(topic, order)

    def _show(self) -> TerminalOrder:
        return TerminalOrder(
            id=f"order-{self.counter}",
            counter=self.counter,
            issued=self.now,
            expires=self.now + timedelta(seconds=600),
            action="show",
            warning=f"case-{self.counter % 3}",
            level=Level.RED,
            exercise=False,
            text=TEXT,
            speech="",
            key="key-1",
            signature="",
        )

    def publish(self, topic: str, payload: bytes) -> None:
        """Both devices receive whatever is published, whoever it is for."""
        self.screen.receive(topic, payload, self.now, self.mono)
        self.lane.receive(topic, payload, self.now, self.mono)
        self.pass_time(0.1)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.mono += seconds
        self.lane.tick(self.now, self.mono)
        self.screen.tick(self.now, self.mono)

    def the_service_acts(self) -> None:
        """A real order, obeyed and overheard."""
        topic = self.rng.choice([SCREEN, LANE])
        payload = self.let_through(topic)
        self.overheard.append((topic, payload))

    def let_through(self, topic: str) -> bytes:
        """A real order that reaches its device in time."""
        payload = self.genuine(topic)
        self.ours.add(f"order-{self.counter}")
        self.publish(topic, payload)
        for _ in range(60):
            self.pass_time(0.1)
        return payload

    def attack(self) -> str:
        """One of the six ways; its name."""
        topic, payload = self.rng.choice(self.overheard)
        way = self.rng.choice(
            ["forged", "replayed", "expired", "misaddressed", "flipped", "reordered"]
        )
        if way == "forged":
            payload = self.genuine(topic, signer=THIEF)
        elif way == "expired":
            payload = self.kept_back(topic)
        elif way == "misaddressed":
            kind = "terminal" if "/terminal/" in topic else "bollard"
            other = topic.replace("screen-1", "screen-2").replace("lane-1", "lane-2")
            payload = self.genuine(other)
            topic = self.rng.choice([topic, other, topic.replace(kind, "camera")])
        elif way == "flipped":
            spoilt = bytearray(payload)
            spoilt[self.rng.randrange(len(spoilt))] ^= 1 << self.rng.randrange(8)
            payload = bytes(spoilt)
        elif way == "reordered":
            payload = self.held_while_another_passed(topic)
        self.publish(topic, payload)
        return way

    def kept_back(self, topic: str) -> bytes:
        """A real order that the attacker holds back until it is over."""
        payload = self.genuine(topic)
        self.pass_time(601)
        return payload

    def held_while_another_passed(self, topic: str) -> bytes:
        """A real order that the attacker holds back until the next one was obeyed."""
        payload = self.genuine(topic)
        self.let_through(topic)
        return payload

    def judge(self) -> None:
        """Only orders of ours were obeyed, each once."""
        for entry in self.acts:
            if entry.what in ("shown", "cancelled", "moved", "done", "played"):
                assert entry.order in self.ours
                self.obeyed[entry.what, entry.order] += 1
        self.acts.clear()
        assert max(self.obeyed.values(), default=0) <= 1


def test_no_attack_is_ever_obeyed() -> None:
    rng = random.Random(20250212)
    attacker = Attacker(rng)
    attacker.pass_time(1)
    attacker.pass_time(1)
    tried: Counter[str] = Counter()
    for attack in range(ATTACKS):
        if attack % 20 == 0:
            attacker.the_service_acts()
        tried[attacker.attack()] += 1
        attacker.judge()
    assert len(tried) == 6
    assert min(tried.values()) > ATTACKS // 12


def test_the_same_attacker_sees_the_service_obeyed() -> None:
    attacker = Attacker(random.Random(1))
    attacker.pass_time(1)
    attacker.pass_time(1)
    attacker.publish(SCREEN, attacker.genuine(SCREEN))
    attacker.publish(LANE, attacker.genuine(LANE))
    for _ in range(80):
        attacker.pass_time(0.1)
    acts = {entry.what for entry in attacker.acts}
    assert {"shown", "moved", "done", "played"} <= acts
