"""The site's voice: recordings rendered ahead by a thread of their own, and given to orders without a wait.

Plans are rendered when the site is loaded, typed messages when they are composed. An order never
waits for a recording: what is not there yet is missing from it, is counted by a named reason, and
is rendered for the next time. A lack is said in the log once, and once when it is over.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from queue import PriorityQueue

from devices.speech.shelf import Shelf
from devices.speech.synthesis import Lack, LackError, render
from devices.speech.words import Spoken, spoken_of
from model.actions import Broadcast
from model.recordings import address_of

log = logging.getLogger(__name__)

_OF_ALL = frozenset({Lack.NO_SYNTHESISER, Lack.SYNTHESIS_FAILED, Lack.DISK})
"""These lack to every text: the next one that is rendered says that they are over."""

WAITING_MOST = 2000
"""Texts that wait to be rendered; what comes on top is refused as `busy`."""

STOP_WITHIN_S = 1.0
_TYPED, _PLANNED, _LAST = 0, 1, 2
_Job = tuple[int, int, str, Spoken | None]

Render = Callable[[Spoken], bytes]


class Voice:
    """Renders texts, one at a time, and knows which are ready. Any thread may call."""

    def __init__(self, shelf: Shelf, base: str, *, rendering: Render | None = None) -> None:
        """`base` is the console's address as terminals reach it."""
        self.shelf = shelf
        self.base = base
        self.rendered = 0
        self._stopping = threading.Event()
        self._rendering = rendering or partial(render, stopping=self._stopping)
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        self._numbers = itertools.count()
        self._waiting: dict[str, Future[None]] = {}
        self._staying: set[str] = set()
        self._texts: dict[str, Spoken] = {}
        shelf.on_spoiled = self._anew
        self._failed: dict[str, Lack] = {}
        self._lacking: set[Lack] = set()
        self._lacks: Counter[Lack] = Counter()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="voice", daemon=True)

    def start(self) -> None:
        """Begin to render."""
        self._thread.start()

    def stop(self) -> None:
        """Break off the text under way and leave the rest; waits for a moment at most."""
        self._stopping.set()
        self._jobs.put((-1, next(self._numbers), "", None))
        self._thread.join(STOP_WITHIN_S)

    def lacks(self) -> dict[str, int]:
        """How many orders went out without their recording, by reason."""
        with self._guard:
            return {lack.value: count for lack, count in self._lacks.items()}

    def audio_of(self, action: Broadcast) -> str | None:
        """An order's `audio`, or none where there is no recording yet. Never waits."""
        spoken = spoken_of(action)
        sha256 = self.shelf.find(spoken.recipe)
        if sha256 is not None:
            return address_of(self.base, sha256)
        with self._guard:
            lack = self._failed.get(spoken.recipe, Lack.NOT_READY)
            self._lacks[lack] += 1
        self._enqueue(spoken, _TYPED)
        return None

    def prepare(self, spoken: Spoken) -> Future[None]:
        """Render a typed text before all others; done when it is ready or cannot be had."""
        return self._enqueue(spoken, _TYPED)

    def keep(self, texts: Iterable[Spoken], *, last: bool = False) -> list[Future[None]]:
        """Render texts of the site's plans; their recordings stay. `last`: after everything else."""
        texts = list(texts)
        with self._guard:
            self._staying.update(text.recipe for text in texts)
        return [self._enqueue(text, _LAST if last else _PLANNED) for text in texts]

    def _enqueue(self, spoken: Spoken, priority: int) -> Future[None]:
        recipe = spoken.recipe
        with self._guard:
            if len(self._texts) >= 2 * WAITING_MOST:
                self._texts = {one: self._texts[one] for one in self._texts if one in self._staying}
            self._texts[recipe] = spoken
            waiting = self._waiting.get(recipe)
            if waiting is not None:
                return waiting
            done: Future[None] = Future()
            if len(self._waiting) >= WAITING_MOST:
                self._remember(recipe, Lack.BUSY)
                done.set_result(None)
                return done
            self._waiting[recipe] = done
        self._jobs.put((priority, next(self._numbers), recipe, spoken))
        return done

    def _anew(self, recipe: str) -> None:
        """Render what the shelf had and has no more: an order that stands may name it."""
        with self._guard:
            spoken = self._texts.get(recipe)
        if spoken is not None:
            self._enqueue(spoken, _TYPED)

    def _work(self) -> None:
        try:
            self.shelf.open()
        except OSError as error:
            self._lack(None, LackError(Lack.DISK, f"recordings: {error}"))
        while True:
            _, _, recipe, spoken = self._jobs.get()
            if spoken is None or self._stopping.is_set():
                break
            self._make(spoken)
            with self._guard:
                done = self._waiting.pop(recipe)
            done.set_result(None)
        with self._guard:
            left, self._waiting = list(self._waiting.values()), {}
        for future in left:
            future.set_result(None)

    def _make(self, spoken: Spoken) -> None:
        recipe = spoken.recipe
        stays = recipe in self._staying
        if self.shelf.find(recipe, stays=stays) is not None:
            return
        try:
            wav = self._rendering(spoken)
            try:
                self.shelf.put(recipe, wav, stays=stays)
            except OSError as error:
                raise LackError(Lack.DISK, f"recordings: {error}") from error
        except LackError as error:
            if not self._stopping.is_set():
                self._lack(recipe, error)
            return
        except Exception as error:
            # One text's surprise must not silence all that come after it.
            log.exception("a recording could not be made")
            self._lack(recipe, LackError(Lack.SYNTHESIS_FAILED, f"{type(error).__name__}: {error}"))
            return
        self.rendered += 1
        with self._guard:
            self._failed.pop(recipe, None)
            over, self._lacking = self._lacking, set()
        if over:
            log.info("recordings are rendered again, after: %s", ", ".join(sorted(over)))

    def _lack(self, recipe: str | None, error: LackError) -> None:
        with self._guard:
            known = error.lack in self._lacking or self._failed.get(recipe or "") is error.lack
            if error.lack in _OF_ALL:
                self._lacking.add(error.lack)
            if recipe is not None:
                self._remember(recipe, error.lack)
        if not known:
            log.error(
                "no recording for terminals that only play (%s): %s. Orders go with their text alone",
                error.lack.value,
                error,
            )

    def _remember(self, recipe: str, lack: Lack) -> None:
        """Why this text has no recording; the guard is held. Bounded: what is forgotten is asked anew."""
        if len(self._failed) >= WAITING_MOST:
            self._failed.clear()
        self._failed[recipe] = lack


def settled(futures: Iterable[Future[None]], within_s: float) -> bool:
    """Wait until all are rendered or cannot be, at most so long in all; whether they are."""
    return not wait(futures, timeout=within_s).not_done
