"""The site's voice, wired: what is rendered when a site is loaded, and what when somebody types."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts import messages
from alerts.announcements import words_of
from config.plans import Plan
from config.schema import SiteFile
from devices.speech.shelf import Shelf
from devices.speech.voice import Voice, settled
from devices.speech.words import Spoken, spoken
from model.announcements import Announcement
from model.facts import DeviceKind, Message
from model.level import Level
from model.orders import TerminalOrder
from model.text import Bilingual
from service.resuming import UNFINISHED_MOST
from service.site import LoadedSite
from service.spine import ANNOUNCEMENTS
from store.embedded import Store

log = logging.getLogger(__name__)

FOLDER = "recordings"

LOAD_WITHIN_S = 2.0
"""A service that starts waits so long for its plans' recordings; the rest is rendered beside it."""

TYPED_WITHIN_S = 2.0
"""A typed message waits so long for its recording, and then goes without it."""


@asynccontextmanager
async def voice_of(
    loaded: LoadedSite, store: Store, console: tuple[str, int]
) -> AsyncIterator[Voice | None]:
    """The voice of a site that has terminals which only play, with its plans' recordings; else none.

    Waits beside the loop, and for less than the lease lives: no spine beats it meanwhile.
    """
    site = loaded.site
    if not any(one.plays for one in site.terminals):
        yield None
        return
    host, port = console
    base = site.console.address or f"http://{host}:{port}"
    voice = Voice(Shelf(loaded.data_folder / FOLDER), base)
    voice.start()
    try:
        first = voice.keep(real_texts(site))
        first += [voice.prepare(text) for text in standing_texts(store)]
        voice.keep(exercise_texts(site), last=True)
        if not await asyncio.to_thread(settled, first, LOAD_WITHIN_S):
            log.warning("recordings: not all plans are rendered yet; the others follow")
        yield voice
    finally:
        await asyncio.to_thread(voice.stop)


def real_texts(site: SiteFile) -> Iterator[Spoken]:
    """What the site's plans say in earnest, the gravest first, and what takes it back."""
    plans = _plans(site)
    for plan in sorted(plans, key=lambda each: -each.level.rank):
        yield _told(plan, exercise=False)
    for withdrawn in (*plans, None):
        yield _taken_back(withdrawn, exercise=False)


def exercise_texts(site: SiteFile) -> Iterator[Spoken]:
    """The same for exercises, whose words say so."""
    for plan in _plans(site):
        yield _told(plan, exercise=True)
        yield _taken_back(plan, exercise=True)


def standing_texts(store: Store) -> list[Spoken]:
    """What is under way as the service starts: typed messages that stand, and open orders.

    Another machine may have rendered them; the orders name the recordings by their content.
    """
    texts: list[Spoken] = []
    standing = store.state(ANNOUNCEMENTS)
    if standing is not None:
        for said in msgspec.json.decode(standing, type=tuple[Announcement, ...]):
            texts += _of_typed(
                said.text, said.cancel, said.speech, level=said.level, exercise=said.exercise
            )
    for record in store.orders(unfinished=True, limit=UNFINISHED_MOST):
        if record.kind is DeviceKind.TERMINAL:
            order = msgspec.json.decode(record.payload, type=TerminalOrder)
            if order.audio is not None:
                texts.append(
                    spoken(
                        action=order.action,
                        level=order.level,
                        exercise=order.exercise,
                        text=order.text,
                        speech=order.speech,
                    )
                )
    return list(dict.fromkeys(texts))


async def typed_ready(voice: Voice, message: Message, level: Level) -> None:
    """Render a typed message, before it goes, within its bound; its withdrawal comes after it."""
    first, *_ = [
        voice.prepare(text)
        for text in _of_typed(*words_of(message), level=level, exercise=message.exercise)
    ]
    await asyncio.wait([asyncio.wrap_future(first)], timeout=TYPED_WITHIN_S)


class VoiceFigures(Collector):
    """What was rendered, what the shelf holds, and which orders went without their recording."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        lacks = CounterMetricFamily(
            "yinding_orders_without_audio",
            "Orders to terminals that only play that went without a recording, by named reason",
            labels=["reason"],
        )
        for reason, count in self._voice.lacks().items():
            lacks.add_metric([reason], count)
        yield lacks
        voice, shelf = self._voice, self._voice.shelf
        yield CounterMetricFamily(
            "yinding_recordings_rendered", "Recordings rendered", value=voice.rendered
        )
        yield CounterMetricFamily(
            "yinding_recordings_let_go", "Recordings let go for newer ones", value=shelf.evicted
        )
        yield CounterMetricFamily(
            "yinding_recordings_spoiled", "Recordings found spoiled", value=shelf.spoiled
        )
        yield GaugeMetricFamily("yinding_recordings", "Recordings on the shelf", value=shelf.files)
        yield GaugeMetricFamily(
            "yinding_recordings_bytes", "Bytes of recordings on the shelf", value=shelf.size
        )


def _of_typed(
    text: Bilingual,
    cancel: Bilingual,
    speech: str,
    *,
    level: Level,
    exercise: bool,
) -> list[Spoken]:
    return [
        spoken(action="show", level=level, exercise=exercise, text=text, speech=speech),
        spoken(action="cancel", level=level, exercise=exercise, text=cancel, speech=""),
    ]


def _plans(site: SiteFile) -> list[Plan]:
    public = site.escalation.public
    return [*site.plans, *([] if public is None else [messages.public_plan(public)])]


def _told(plan: Plan, *, exercise: bool) -> Spoken:
    text, speech = messages.words_of(plan, exercise=exercise)
    return spoken(action="show", level=plan.level, exercise=exercise, text=text, speech=speech)


def _taken_back(plan: Plan | None, *, exercise: bool) -> Spoken:
    text = messages.cancel_of(plan, exercise=exercise)
    level = Level.BLUE if plan is None else plan.level
    return spoken(action="cancel", level=level, exercise=exercise, text=text, speech="")
