"""A stranger on the network: it hears every order and puts its own before the devices.

It cannot sign. So it invents, changes, misaddresses, repeats, and holds orders back until they are
stale or expired; none of these may be obeyed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.facts import DeviceKind
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from simulators.torture.agenda import Agenda
from simulators.torture.evidence import Attack, Evidence, OnAir
from simulators.torture.field import SimulatedFieldSite
from wire.order_check import OrderMemory
from wire.signing import OrderSigner
from wire.topics import Topics

KINDS = ("invented", "unknown_key", "flipped", "misaddressed", "replayed", "stale", "expired")
_ACTS = frozenset({"received", "shown", "cancelled", "moved"})


@dataclass
class Forger:
    """Puts one forged order before one device at each call of `strike`."""

    agenda: Agenda
    devices: SimulatedFieldSite
    evidence: Evidence
    topics: Topics
    key_id: str
    rng: random.Random
    _serial: int = 0
    _own: OrderSigner = field(init=False)

    def __post_init__(self) -> None:
        private = Ed25519PrivateKey.from_private_bytes(self.rng.randbytes(32))
        self._own = OrderSigner(private, self.key_id)

    def strike(self) -> None:
        """One attempt of a kind drawn at random; none where no order fits it yet."""
        kind = self.rng.choice(KINDS)
        made = self._make(kind)
        if made is None:
            return
        device_kind, device, topic, payload, order = made
        line = self.devices.lines[device_kind, device]
        before = len(self.evidence.acts)
        line.hear(topic, payload)
        obeyed = any(
            act.entry.what in _ACTS and act.entry.device == device
            for act in self.evidence.acts[before:]
        )
        self.evidence.attacks.append(Attack(self.agenda.t, kind, device, order, obeyed))

    def _make(self, kind: str) -> tuple[str, str, str, bytes, str] | None:
        if kind in ("invented", "unknown_key"):
            return self._invent(stranger=kind == "unknown_key")
        captured = list(self.evidence.orders.values())
        if kind == "expired":
            captured = [each for each in captured if self._is_expired(each)]
        elif kind == "stale":
            captured = [each for each in captured if self._is_stale(each)]
        elif kind == "replayed":
            captured = [each for each in captured if self._was_handled(each)]
        if not captured:
            return None
        order = self.rng.choice(captured[-60:])
        name = str(order.body["id"])
        topic = self.topics.order(DeviceKind(order.kind), order.device)
        if kind == "flipped":
            return order.kind, order.device, topic, self._flip(order.payload), name
        if kind == "misaddressed":
            others = sorted(
                device
                for device_kind, device in self.devices.lines
                if device_kind == order.kind and device != order.device
            )
            if not others:
                return None
            other = self.rng.choice(others)
            topic = self.topics.order(DeviceKind(order.kind), other)
            return order.kind, other, topic, order.payload, name
        return order.kind, order.device, topic, order.payload, name

    def _flip(self, payload: bytes) -> bytes:
        changed = bytearray(payload)
        changed[self.rng.randrange(len(changed))] ^= 1 << self.rng.randrange(8)
        return bytes(changed)

    def _invent(self, *, stranger: bool) -> tuple[str, str, str, bytes, str]:
        self._serial += 1
        name = f"forged-{self._serial}"
        now = self.agenda.clock.now()
        kind, device = self.rng.choice(
            sorted(key for key in self.devices.lines if key[0] in ("terminal", "bollard"))
        )
        counter = int(now.timestamp() * 1000) + self.rng.randint(0, 10**9)
        order: TerminalOrder | BollardOrder
        if kind == "terminal":
            order = _false_alarm(name, counter, now)
        else:
            order = BollardOrder(
                id=name,
                counter=counter,
                issued=now,
                expires=now + timedelta(seconds=60),
                motion=self.rng.choice((Motion.RAISE, Motion.LOWER)),
                exercise=False,
                key="",
                signature="",
            )
        topic = self.topics.order(DeviceKind(kind), device)
        payload = self._own.sign(topic, order)
        if stranger:
            payload = payload.replace(f'"{self.key_id}"'.encode(), b'"stranger"')
        return kind, device, topic, payload, name

    def _is_expired(self, order: OnAir) -> bool:
        if order.body.get("action") == "cancel" or order.body.get("motion") == "stop":
            return False
        expires = datetime.fromisoformat(str(order.body["expires"]))
        return expires < self.agenda.clock.now() and not self._was_handled(order)

    def _is_stale(self, order: OnAir) -> bool:
        highest = self._memory(order).highest
        return msgspec.convert(order.body["counter"], int) <= highest and not self._was_handled(
            order
        )

    def _was_handled(self, order: OnAir) -> bool:
        return str(order.body["id"]) in self._memory(order).handled

    def _memory(self, order: OnAir) -> OrderMemory:
        if order.kind == "terminal":
            return self.devices.terminals[order.device].machine.memory
        return self.devices.lanes[order.device].machine.memory


def _false_alarm(name: str, counter: int, now: datetime) -> TerminalOrder:
    return TerminalOrder(
        id=name,
        counter=counter,
        issued=now,
        expires=now + timedelta(seconds=600),
        action="show",
        warning="false-alarm",
        level=Level.RED,
        exercise=False,
        text=Bilingual(zh="导弹来袭", en="Missile inbound"),
        speech="",
        key="",
        signature="",
    )
