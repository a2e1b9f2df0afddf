"""A simulated warning terminal: it checks an order, shows it, speaks it and says how far it got."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from model.facts import DeviceKind, ReceiptStage, TerminalReceipt
from model.level import Level
from model.orders import TerminalOrder
from model.recordings import hash_of_address
from model.text import Bilingual
from simulators.logbook import FieldEntry
from simulators.sound import SoundFault, playable_s
from wire.codec import encode
from wire.order_check import OrderCheck, OrderMemory, OrderVerdict
from wire.topics import Topics

SPEECH_LEAST_S = 0.2
SPEECH_S_PER_CHARACTER = 0.02
SPEECH_MOST_S = 2.0
PLAYED_FASTER = 10.0
"""Spoken ten times as fast as people do, so that a compressed evening keeps its order."""

WITHDRAWN = "withdrawn"


@dataclass
class TerminalFaults:
    """What a scenario may break on a terminal; the link's own faults live with the link."""

    clock_unset: bool = False
    speaker_broken: bool = False


@dataclass(frozen=True, slots=True)
class Display:
    """What stands on the screen for one warning, and until when (monotonic seconds)."""

    order: str
    level: Level
    text: Bilingual
    exercise: bool
    until: float
    volume: int | None = None


@dataclass(slots=True)
class _Speech:
    """Words being spoken, or waiting for those before them; `again` is a repeat of what was played."""

    order: TerminalOrder
    ends: float
    again: bool = False


@dataclass
class TerminalMachine:
    """A terminal without its link: orders in, receipts out, on the clocks it is handed.

    Every sight of an order and every act goes to `log`: the ground truth of what people saw.
    """

    site_id: str
    terminal_id: str
    keys: Mapping[str, Ed25519PublicKey]
    log: Callable[[FieldEntry], None]
    memory: OrderMemory = field(default_factory=OrderMemory)
    confirms_after_s: float | None = None
    only_plays: bool = False
    faults: TerminalFaults = field(default_factory=TerminalFaults)

    def __post_init__(self) -> None:
        topic = Topics(self.site_id).order(DeviceKind.TERMINAL, self.terminal_id)
        self._check = OrderCheck(topic, self.keys, self.memory)
        self._speeches: list[_Speech] = []
        self._confirms: list[tuple[float, str]] = []
        self._repeats: list[tuple[float, TerminalOrder]] = []
        self._wanted: dict[str, TerminalOrder] = {}
        self._fetching: dict[str, TerminalOrder] = {}
        self._sounds_s: dict[str, float] = {}
        self._heard: set[str] = set()
        self.showing: dict[str, Display] = {}

    def receive(
        self, topic: str, payload: bytes, now: datetime, mono: float
    ) -> list[TerminalReceipt]:
        """Judge a message and act on it; the receipts to send, oldest first."""
        judged = self._check.judge(topic, payload, None if self.faults.clock_unset else now)
        order = judged.order
        if not isinstance(order, TerminalOrder):
            self._log("bad_signature", None, now, judged.detail)
            return []
        self._log("good_signature", order, now)
        if judged.verdict is OrderVerdict.REPEATED:
            if judged.receipt is None:
                return []
            return [msgspec.json.decode(judged.receipt, type=TerminalReceipt)]
        if judged.verdict is not OrderVerdict.OBEY:
            return [self._refuse(order, judged.verdict, now)]
        receipts = [self._receipt(order, ReceiptStage.RECEIVED, now)]
        receipts += self._withdraw(order, now)
        if order.action == "show":
            self._show(order, now, mono)
        else:
            self._log("cancelled", order, now)
        if self.only_plays:
            return receipts + self._want(order, now)
        self._speak(order, mono)
        return receipts

    def take_wanted(self) -> list[tuple[str, str]]:
        """The recordings to fetch now, as order and address; each is asked for once."""
        taken, self._wanted = self._wanted, {}
        self._fetching |= taken
        return [(name, order.audio or "") for name, order in taken.items()]

    def fetched(
        self, order_id: str, sound: bytes | SoundFault, now: datetime, mono: float
    ) -> list[TerminalReceipt]:
        """A recording came, or did not: play it, or say why not. What was withdrawn is not played."""
        order = self._fetching.pop(order_id, None)
        if order is None:
            return []
        seconds = playable_s(order.audio or "", sound) if isinstance(sound, bytes) else sound
        if isinstance(seconds, SoundFault):
            return [self._receipt(order, ReceiptStage.FAILED, now, seconds.value)]
        standing = {each.order for each in self.showing.values()}
        self._sounds_s = {name: s for name, s in self._sounds_s.items() if name in standing}
        self._sounds_s[order.id] = min(SPEECH_MOST_S, seconds / PLAYED_FASTER)
        if order.action == "show":
            self._heard.add(order.warning)
            self._log_shown(order, now)
        self._speak(order, mono)
        return []

    def tick(self, now: datetime, mono: float) -> list[TerminalReceipt]:
        """Let speech end, people confirm and displays run out; the receipts to send."""
        receipts: list[TerminalReceipt] = []
        while self._speeches and self._speeches[0].ends <= mono:
            speech = self._speeches.pop(0)
            if speech.order.repeat_s is not None:
                self._repeats.append((mono + speech.order.repeat_s, speech.order))
            if speech.again:
                self._log("spoken_again", speech.order, now)
                continue
            receipts.append(self._spoken(speech.order, now))
            if self.confirms_after_s is not None and not self.faults.speaker_broken:
                self._confirms.append((mono + self.confirms_after_s, speech.order.id))
        while self._confirms and self._confirms[0][0] <= mono:
            receipts += self.confirm(self._confirms.pop(0)[1], now)
        self.showing = {w: shown for w, shown in self.showing.items() if shown.until > mono}
        self._repeat(mono)
        return receipts

    def confirm(self, order_id: str, now: datetime) -> list[TerminalReceipt]:
        """A person at the terminal presses the button; nothing for an order it never played."""
        last = self.memory.handled.get(order_id)
        if last is None:
            return []
        receipt = msgspec.json.decode(last, type=TerminalReceipt)
        if receipt.stage is not ReceiptStage.PLAYED:
            return []
        confirmed = TerminalReceipt(order=order_id, stage=ReceiptStage.CONFIRMED, at=now)
        self.memory.note(order_id, encode(confirmed))
        return [confirmed]

    def next_event(self) -> float | None:
        """When `tick` has something to do, monotonic seconds; None while nothing is due."""
        moments = [speech.ends for speech in self._speeches[:1]]
        moments += [when for when, _ in self._confirms[:1]]
        moments += [display.until for display in self.showing.values()]
        moments += [when for when, _ in self._repeats]
        return min(moments, default=None)

    def _speak(self, order: TerminalOrder, mono: float, *, again: bool = False) -> None:
        seconds = self._sounds_s[order.id] if self.only_plays else speech_s(order)
        ends = self._busy_until(mono) + seconds
        self._speeches.append(_Speech(order, ends, again))

    def _repeat(self, mono: float) -> None:
        """Speak again what is due and still stands; what is over is repeated no more."""
        standing = {display.order for display in self.showing.values()}
        due = [order for when, order in self._repeats if when <= mono and order.id in standing]
        self._repeats = [
            (when, order) for when, order in self._repeats if when > mono and order.id in standing
        ]
        for order in due:
            self._speak(order, mono, again=True)

    def _busy_until(self, mono: float) -> float:
        return max((speech.ends for speech in self._speeches), default=mono)

    def _show(self, order: TerminalOrder, now: datetime, mono: float) -> None:
        self.showing[order.warning] = Display(
            order=order.id,
            level=order.level,
            text=order.text,
            exercise=order.exercise,
            until=mono + (order.expires - now).total_seconds(),
            volume=order.volume,
        )
        if not self.only_plays:
            self._log_shown(order, now)

    def _log_shown(self, order: TerminalOrder, now: datetime) -> None:
        self._log("shown", order, now, "exercise" if order.exercise else None)

    def _want(self, order: TerminalOrder, now: datetime) -> list[TerminalReceipt]:
        """Ask for an order's recording. An all-clear is for those who heard the alarm, and no others."""
        if order.action == "cancel":
            heard = order.warning in self._heard
            self._heard.discard(order.warning)
            if not heard:
                return [self._receipt(order, ReceiptStage.PLAYED, now)]
        if order.audio is None:
            return [self._receipt(order, ReceiptStage.FAILED, now, SoundFault.NO_AUDIO.value)]
        if hash_of_address(order.audio) is None:
            return [self._receipt(order, ReceiptStage.FAILED, now, SoundFault.ADDRESS_WRONG.value)]
        self._wanted[order.id] = order
        return []

    def _withdraw(self, order: TerminalOrder, now: datetime) -> list[TerminalReceipt]:
        """Take everything of a warning off the screen and out of the speaker."""
        self.showing.pop(order.warning, None)
        unheard = [
            each
            for each in (*self._wanted.values(), *self._fetching.values())
            if each.warning == order.warning
        ]
        for each in unheard:
            self._wanted.pop(each.id, None)
            self._fetching.pop(each.id, None)
        cut = [speech for speech in self._speeches if speech.order.warning == order.warning]
        self._speeches = [speech for speech in self._speeches if speech not in cut]
        told = [*unheard, *(speech.order for speech in cut if not speech.again)]
        return [self._receipt(each, ReceiptStage.FAILED, now, WITHDRAWN) for each in told]

    def _spoken(self, order: TerminalOrder, now: datetime) -> TerminalReceipt:
        if self.faults.speaker_broken:
            return self._receipt(order, ReceiptStage.FAILED, now, "speaker_broken")
        return self._receipt(order, ReceiptStage.PLAYED, now)

    def _refuse(
        self, order: TerminalOrder, verdict: OrderVerdict, now: datetime
    ) -> TerminalReceipt:
        if verdict is not OrderVerdict.CLOCK_UNSET:
            return self._receipt(order, ReceiptStage.REFUSED, now, verdict.value)
        # A device that does not know the time borrows it from the signed order, and forgets the
        # refusal: the same order is right as soon as the clock is set.
        self._log("refused", order, now, verdict.value)
        return TerminalReceipt(
            order=order.id, stage=ReceiptStage.REFUSED, at=order.issued, reason=verdict.value
        )

    def _receipt(
        self, order: TerminalOrder, stage: ReceiptStage, now: datetime, reason: str | None = None
    ) -> TerminalReceipt:
        receipt = TerminalReceipt(order=order.id, stage=stage, at=now, reason=reason)
        self.memory.note(order.id, encode(receipt))
        self._log(stage.value, order, now, reason)
        return receipt

    def _log(
        self, what: str, order: TerminalOrder | None, now: datetime, detail: str | None = None
    ) -> None:
        shows = order is not None and order.action == "show"
        entry = FieldEntry(
            at=now,
            kind=DeviceKind.TERMINAL.value,
            device=self.terminal_id,
            what=what,
            order=order.id if order else None,
            warning=order.warning if order else None,
            level=order.level if order and shows else None,
            detail=detail if detail or order is None or shows else "cancel",
        )
        self.log(entry)


def speech_s(order: TerminalOrder) -> float:
    """How long a terminal is busy with an order's words, seconds."""
    return min(SPEECH_MOST_S, SPEECH_LEAST_S + SPEECH_S_PER_CHARACTER * len(order.speech))
