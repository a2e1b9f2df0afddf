"""The room's desk: people's decisions on their way to the spine, and the pictures they look at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from datetime import timedelta

import msgspec

from console.diary import Noted
from console.ports import Still, Verdict
from devices.speech.voice import Voice
from model.clock import Clock
from model.facts import Decision
from model.workers import CameraStill, CameraWatch
from service.voice import typed_ready

log = logging.getLogger(__name__)

WATCH_S = 10.0
WATCH_AGAIN_S = 4.0
STILL_KEPT_S = 60.0

_still = msgspec.json.Decoder(CameraStill)


class SpineDesk:
    """Hands decisions to the spine and awaits their commit; acts at the door are noted there.

    With a `voice` a typed message is rendered first, for the terminals that only play.
    """

    def __init__(
        self,
        submit: Callable[[Decision], Future[Verdict]],
        note: Callable[[Noted], bool],
        voice: Voice | None = None,
    ) -> None:
        self._submit = submit
        self._note = note
        self._voice = voice

    def submit(self, decision: Decision) -> Awaitable[Verdict]:
        """The verdict comes after the commit."""
        voice, message, level = self._voice, decision.message, decision.level
        if voice is None or message is None or level is None:
            return asyncio.wrap_future(self._submit(decision))

        async def rendered() -> Verdict:
            await typed_ready(voice, message, level)
            return await asyncio.wrap_future(self._submit(decision))

        return rendered()

    def note(self, noted: Noted) -> bool:
        """Into the audit with the next commit; False where too many wait."""
        return self._note(noted)


class PictureBoard:
    """The newest still of each camera, asked for only while somebody looks; memory only.

    `ask` publishes a watch for one camera. A still older than a minute is forgotten.
    """

    def __init__(self, clock: Clock, ask: Callable[[str, CameraWatch], None]) -> None:
        self._clock = clock
        self._ask = ask
        self._asked_s: dict[str, float] = {}
        self._stills: dict[str, tuple[Still, float]] = {}
        self.refused = 0

    def latest(self, camera: str) -> Still | None:
        """The newest still of a camera."""
        kept = self._stills.get(camera)
        if kept is None or self._clock.monotonic() - kept[1] > STILL_KEPT_S:
            return None
        return kept[0]

    def watch(self, camera: str) -> None:
        """Ask for stills for the next ten seconds."""
        now_s = self._clock.monotonic()
        if now_s - self._asked_s.get(camera, float("-inf")) < WATCH_AGAIN_S:
            return
        self._asked_s[camera] = now_s
        self._ask(camera, CameraWatch(until=self._clock.now() + timedelta(seconds=WATCH_S)))

    def take(self, camera: str, payload: bytes) -> None:
        """A still as it came from a worker; a malformed one is counted and dropped."""
        try:
            still = _still.decode(payload)
        except msgspec.DecodeError as error:
            self.refused += 1
            log.warning("a still of camera %s cannot be read: %s", camera, error)
            return
        if still.camera != camera:
            self.refused += 1
            return
        shown = Still(
            camera=camera,
            at=still.at,
            jpeg=still.jpeg,
            sight=still.sight,
            count=still.count,
            model=still.model,
        )
        if still.count is not None and len(still.cells) == still.columns * still.rows:
            shown = msgspec.structs.replace(
                shown,
                columns=still.columns,
                rows=still.rows,
                cells=still.cells,
                people_per_cell=still.people_per_cell,
            )
        self._stills[camera] = (shown, self._clock.monotonic())
