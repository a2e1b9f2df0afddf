"""One examination of one device: what is said to it, what it says, and the clauses judged so far."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec

from model.clock import Clock
from model.facts import DeviceKind, DeviceStatus
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from wire.codec import Decoder
from wire.field_link import FieldLink
from wire.refusals import Refusal
from wire.signing import OrderSigner
from wire.topics import Topics

ANSWER_WITHIN_S = 8.0
"""How long a device may take to answer; a real one on a slow link has time."""

Word = TypeVar("Word", bound=msgspec.Struct)


class Verdict(StrEnum):
    """What became of one clause."""

    PASS = "pass"  # noqa: S105 - a verdict and no password
    FAIL = "fail"
    NOT_TESTED = "not_tested"


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause of the contract with its verdict, and what was seen where it failed."""

    name: str
    says: str
    verdict: Verdict
    detail: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the device under examination; `body` is None where it was cleared."""

    leaf: str
    retained: bool
    body: object
    mono: float


class Examination:
    """Listens to one device and keeps what it says; orders are exercises, so nobody is frightened.

    `later` makes another listener's link to one topic, to see what stands retained.
    """

    def __init__(
        self,
        link: FieldLink,
        later: Callable[[str], FieldLink],
        *,
        topics: Topics,
        decoder: Decoder,
        signer: OrderSigner,
        next_signer: OrderSigner,
        kind: DeviceKind,
        device: str,
        clock: Clock,
        only_plays: bool = False,
    ) -> None:
        self.kind = kind
        self.device = device
        self.only_plays = only_plays
        self.clauses: list[Clause] = []
        self.heard: list[Heard] = []
        self.refused: list[Refusal] = []
        self.topics = topics
        self.signer = signer
        self.next_signer = next_signer
        self.clock = clock
        self._link = link
        self._later = later
        self._decoder = decoder
        self._something = asyncio.Event()
        self._counter = 0

    # -- listening -------------------------------------------------------------------------

    async def listen(self) -> None:
        """Take in what the device says until cancelled."""
        async for message in self._link.messages():
            now, mono = self.clock.now(), self.clock.monotonic()
            decoded = self._decoder.decode(
                message.topic, message.payload, retained=message.retained, arrived=now, mono=mono
            )
            leaf = message.topic.rpartition("/")[2]
            if isinstance(decoded, Refusal):
                self.refused.append(decoded)
            else:
                body = getattr(decoded, "body", None)
                heard = Heard(leaf=leaf, retained=message.retained, body=body, mono=mono)
                self.heard.append(heard)
            self._something.set()

    async def wait_for(
        self, found: Callable[[], Word | None], within_s: float = ANSWER_WITHIN_S
    ) -> Word | None:
        """What `found` finds among the words so far or to come; None when the time is over."""
        try:
            async with asyncio.timeout(within_s):
                while (word := found()) is None:
                    self._something.clear()
                    await self._something.wait()
                return word
        except TimeoutError:
            return None

    def words(self, kind: type[Word]) -> list[Word]:
        """Everything of one type that the device said."""
        return [each.body for each in self.heard if isinstance(each.body, kind)]

    # -- speaking --------------------------------------------------------------------------

    @property
    def order_topic(self) -> str:
        """Where this device hears its orders."""
        return self.topics.order(self.kind, self.device)

    async def send(self, payload: bytes) -> None:
        """Say something on the device's order topic."""
        await self._link.publish(self.order_topic, payload)

    async def send_order(self, order: TerminalOrder | BollardOrder) -> bytes:
        """Sign an order as the service does and send it; the bytes that left."""
        payload = self.signer.sign(self.order_topic, order)
        await self.send(payload)
        return payload

    def show(self, **changes: object) -> TerminalOrder:
        """A new exercise for a terminal, with whatever is to be different."""
        now = self.clock.now()
        order = TerminalOrder(
            id=secrets.token_hex(8),
            counter=self.next_counter(),
            issued=now,
            expires=now + timedelta(minutes=2),
            action="show",
            warning="conform",
            level=Level.BLUE,
            exercise=True,
            text=Bilingual(zh="演练：设备检查。", en="Exercise: device check."),
            speech="演练",
            volume=10,
            key="",
            signature="",
        )
        return msgspec.structs.replace(order, **changes)

    def move(self, motion: Motion, **changes: object) -> BollardOrder:
        """A new exercise for a lane, with whatever is to be different."""
        now = self.clock.now()
        order = BollardOrder(
            id=secrets.token_hex(8),
            counter=self.next_counter(),
            issued=now,
            expires=now + timedelta(minutes=2),
            motion=motion,
            exercise=True,
            key="",
            signature="",
        )
        return msgspec.structs.replace(order, **changes)

    def next_counter(self) -> int:
        """A counter above all before, as the service counts."""
        self._counter = max(self._counter + 1, int(self.clock.now().timestamp() * 1000))
        return self._counter

    def before(self) -> datetime:
        """A moment that is over."""
        return self.clock.now() - timedelta(minutes=5)

    # -- judging ---------------------------------------------------------------------------

    def judge(self, name: str, says: str, *, holds: bool, detail: str = "") -> None:
        """Note a clause with its verdict."""
        verdict = Verdict.PASS if holds else Verdict.FAIL
        self.clauses.append(
            Clause(name=name, says=says, verdict=verdict, detail="" if holds else detail)
        )

    def leave_out(self, name: str, says: str, why: str) -> None:
        """Note a clause that cannot be tested from here."""
        self.clauses.append(Clause(name=name, says=says, verdict=Verdict.NOT_TESTED, detail=why))

    async def examine_status(self) -> None:
        """Every device's birth stands retained on the broker."""

        def born() -> DeviceStatus | None:
            said = self.words(DeviceStatus)
            return said[-1] if said else None

        status = await self.wait_for(born)
        self.judge(
            "status_retained",
            "the device's status stands retained on the broker",
            holds=status is not None and await self._stands_retained(),
            detail="no retained status",
        )
        self.judge(
            "status_online",
            "a device that answers says `online`",
            holds=status is not None and status.state == "online",
            detail="its status says offline" if status else "no status",
        )
        self.leave_out(
            "last_will",
            "a lost link leaves a retained `offline`",
            "pull the device's network cable and look at its status",
        )

    async def _stands_retained(self) -> bool:
        """Whether a listener that comes now is told the device's status at once."""
        topic = self.topics.status(self.kind, self.device)
        async with self._later(topic) as link:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    async for message in link.messages():
                        if message.retained and message.payload:
                            return True
            except TimeoutError:
                pass
        return False

    def examine_messages(self) -> None:
        """Everything that the device said is as the contract writes it."""
        first = self.refused[0] if self.refused else None
        self.judge(
            "messages_valid",
            "every message decodes, with bounds, units and stamps as the contract has them",
            holds=first is None,
            detail="" if first is None else f"{first.topic}: {first.reason} {first.where}",
        )
