"""Somebody on the network who hears every order and may publish anything: is any of it obeyed?

Forged, replayed, expired, misaddressed, bit-flipped and reordered orders are put before a terminal
and a lane. Every act of theirs must go back to an order of the service that was let through in
time, and each such order acts once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.facts import DeviceKind
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from service.trial_site import KEY_ID, KEYS, LANE, SCREEN, SIGNER, START
from simulators.bollards import BollardMachine
from simulators.logbook import FieldEntry
from simulators.terminals import TerminalMachine
from wire.signing import OrderSigner
from wire.topics import Topics

WAYS = ("forged", "replayed", "expired", "misaddressed", "flipped", "reordered")
GENUINE_EVERY = 20
ACTS = frozenset({"shown", "cancelled", "moved", "done", "played"})

_TOPICS = Topics("small")
SCREEN_TOPIC = _TOPICS.order(DeviceKind.TERMINAL, SCREEN)
LANE_TOPIC = _TOPICS.order(DeviceKind.BOLLARD, LANE)
_OVERHEARD_MOST = 200

Summary = dict[str, Any]


def try_orders(
    *, attacks: int, seed: int, on_done: Callable[[int], None] = lambda _done: None
) -> Summary:
    """So many attacks from one seed, with a genuine order of the service between each twenty."""
    stranger = Stranger(random.Random(seed))
    ways: Counter[str] = Counter()
    for number in range(attacks):
        if number % GENUINE_EVERY == 0:
            stranger.service_acts()
            on_done(number)
        ways[stranger.attack()] += 1
        stranger.judge()
    return {
        "attacks": attacks,
        "seed": seed,
        "obeyed": stranger.obeyed,
        "repeated": stranger.repeated,
        "genuine": stranger.counter,
        "genuine_acted": len({order for _, order in stranger.acted}),
        "ways": {way: ways[way] for way in WAYS},
    }


def bad_words(summary: Summary) -> list[str]:
    """Why a result is bad; devices that obey nobody prove nothing."""
    bad = [f"{summary[name]} {name}" for name in ("obeyed", "repeated") if summary[name]]
    return bad if summary["genuine_acted"] else [*bad, "no genuine order acted"]


class Stranger:
    """One attacker, one screen, one lane, and the service's own orders among the forged ones."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.acts: list[FieldEntry] = []
        self.obeyed = self.repeated = self.counter = 0
        self.acted: Counter[tuple[str, str | None]] = Counter()
        self._thief = OrderSigner(Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)), KEY_ID)
        self._screen = TerminalMachine(
            site_id="small", terminal_id=SCREEN, keys=KEYS, log=self.acts.append
        )
        self._lane = BollardMachine(
            site_id="small", bollard_id=LANE, keys=KEYS, log=self.acts.append
        )
        self._now, self._mono = START, 1000.0
        self._overheard: list[tuple[str, bytes]] = []
        self._ours: set[str | None] = set()
        for _ in range(20):  # the lane's loop must have been seen clear for a while
            self.pass_time(0.1)

    def genuine(self, topic: str, *, signer: OrderSigner = SIGNER) -> bytes:
        """An order as the service writes it, for the topic."""
        self.counter += 1
        terminal = "/terminal/" in topic
        return signer.sign(topic, self._show() if terminal else self._raise())

    def _show(self) -> TerminalOrder:
        return TerminalOrder(
            id=f"order-{self.counter}",
            counter=self.counter,
            issued=self._now,
            expires=self._now + timedelta(seconds=600),
            action="show",
            warning=f"case-{self.counter % 3}",
            level=Level.RED,
            exercise=False,
            text=Bilingual(zh="请绕行", en="Please take another way"),
            speech="",
            key=KEY_ID,
            signature="",
        )

    def _raise(self) -> BollardOrder:
        return BollardOrder(
            id=f"order-{self.counter}",
            counter=self.counter,
            issued=self._now,
            expires=self._now + timedelta(seconds=10),
            motion=self.rng.choice((Motion.RAISE, Motion.LOWER)),
            exercise=False,
            key=KEY_ID,
            signature="",
        )

    def publish(self, topic: str, payload: bytes) -> None:
        """Both devices receive whatever is published, whoever it is for."""
        self._screen.receive(topic, payload, self._now, self._mono)
        self._lane.receive(topic, payload, self._now, self._mono)
        self.pass_time(0.1)

    def pass_time(self, seconds: float) -> None:
        """Let the devices live on."""
        self._now += timedelta(seconds=seconds)
        self._mono += seconds
        self._lane.tick(self._now, self._mono)
        self._screen.tick(self._now, self._mono)

    def service_acts(self) -> None:
        """A real order, obeyed and overheard."""
        topic = self.rng.choice((SCREEN_TOPIC, LANE_TOPIC))
        payload = self._let_through(topic)
        self._overheard = [*self._overheard[-_OVERHEARD_MOST:], (topic, payload)]

    def _let_through(self, topic: str) -> bytes:
        """A real order that reaches its device in time."""
        payload = self.genuine(topic)
        self._ours.add(f"order-{self.counter}")
        self.publish(topic, payload)
        for _ in range(60):
            self.pass_time(0.1)
        return payload

    def attack(self) -> str:
        """One of the six ways; its name."""
        topic, payload = self.rng.choice(self._overheard)
        way = self.rng.choice(WAYS)
        if way == "forged":
            payload = self.genuine(topic, signer=self._thief)
        elif way == "expired":
            payload = self.genuine(topic)
            self.pass_time(601)
        elif way == "misaddressed":
            topic, payload = self._misaddressed(topic)
        elif way == "flipped":
            spoilt = bytearray(payload)
            spoilt[self.rng.randrange(len(spoilt))] ^= 1 << self.rng.randrange(8)
            payload = bytes(spoilt)
        elif way == "reordered":
            payload = self.genuine(topic)
            self._let_through(topic)
        self.publish(topic, payload)
        return way

    def _misaddressed(self, topic: str) -> tuple[str, bytes]:
        kind = "terminal" if "/terminal/" in topic else "bollard"
        other = topic.replace(SCREEN, "screen-2").replace(LANE, "lane-2")
        payload = self.genuine(other)
        return self.rng.choice((topic, other, topic.replace(kind, "camera"))), payload

    def judge(self) -> None:
        """Count what was done on orders that are not ours, and what was done twice."""
        for entry in self.acts:
            if entry.what not in ACTS:
                continue
            self.obeyed += entry.order not in self._ours
            self.acted[entry.what, entry.order] += 1
            self.repeated += self.acted[entry.what, entry.order] > 1
        self.acts.clear()
