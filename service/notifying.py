"""Telling people who are not before a screen: mail, WeCom, DingTalk, Feishu, webhooks and the like.

Follows the feed of commits. Each target is told when a warning opens, rises, is escalated or ends,
or leaves somebody unreached, from its own level on; an exercise says so first. A message that did not go out is tried again a few
times and then logged by name: the terminals and the room do not depend on it.

What is owed follows from the cases' history and from what was told of it, both on disk. A service
that was killed, or fell behind the feed, reads them and tells what is missing, as far as it is
fresh enough to be of use; what happens now goes first. So everything is told at least once; each
message has a number, by which one that came twice is known. A new target is owed nothing from
before it was named.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from apprise import Apprise
from msgspec.structs import replace

from config.schema import NotifyTarget
from model.cases import Case, Change, Transition
from model.clock import Clock
from model.commit import Commit
from model.text import Bilingual
from service.site import LoadedSite
from store.embedded import StoreReader
from store.errors import FeedClosedError, StoreError
from store.feed import Feed
from store.notices import Notices

log = logging.getLogger(__name__)

COMMITS_WAITING = 256
MESSAGES_WAITING = 100
TRIES = 3
TRY_AGAIN_S = 5.0
TRY_AGAIN_MOST_S = 60.0
ANSWER_WITHIN_S = 30.0
GAPS_TOLD_MOST = 1_000
"""Letters; a message of a hundred names would tell nobody anything."""
OWED_FOR = timedelta(hours=1)
"""Later nobody is helped by being told: the room has it."""
OWED_MOST = 2_000
"""Messages; of more than these the oldest are left out."""

_TOLD = {
    Change.OPENED: ("新警报", "new"),
    Change.STEPPED_UP: ("升级", "raised"),
    Change.ESCALATED: ("无人确认", "nobody has taken it"),
    Change.GAP_NAMED: ("有人没有通知到", "somebody was not reached"),
    Change.CLOSED: ("解除", "over"),
}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to a target, and the steps that it tells of."""

    steps: tuple[str, ...]
    at: datetime
    title: str
    body: str


class Notifier:
    """One target: what concerns it is queued, and sent in order by a task of its own."""

    def __init__(
        self,
        target: NotifyTarget,
        url: str,
        *,
        zones: dict[str, str],
        notices: Notices | None,
        clock: Clock,
        again_s: float = TRY_AGAIN_S,
    ) -> None:
        self.failed = 0
        self._target = target
        self._zones = zones
        self._notices = notices
        self._clock = clock
        self._again_s = again_s
        self._known: set[str] = set()
        self._waiting: deque[Notice] = deque()
        self._owed: deque[Notice] = deque()
        self._left_out = False
        self._more = asyncio.Event()
        self._owes = asyncio.Event()
        self._apprise = Apprise()
        if not self._apprise.add(url):
            raise ValueError(f"notify `{target.id}`: its address is of no kind that can be told")

    def owe(self) -> None:
        """Something may have been missed: `catch_up` reads it, however often that has to be tried."""
        self._owes.set()

    async def catch_up(self, store: StoreReader, began: datetime) -> None:
        """Read what is owed whenever there may be something, until cancelled."""
        while True:
            await self._owes.wait()
            self._owes.clear()
            again_s = self._again_s
            while not await self.caught_up(store, began):
                await asyncio.sleep(again_s)
                again_s = min(2 * again_s, TRY_AGAIN_MOST_S)

    async def caught_up(self, store: StoreReader, began: datetime) -> bool:
        """Queue what the history has and nobody was told of; False where it cannot be read."""
        try:
            told, missed = await asyncio.to_thread(self._read_missed, store, began)
        except StoreError as error:
            log.error(
                "notify %s: what happened before cannot be read and is tried again: %s",
                self._target.id,
                error,
            )
            return False
        # What waits is not on disk yet, and is known all the same.
        self._known |= told
        groups: dict[tuple[str, datetime], tuple[Case, list[Transition]]] = {}
        for case, step in missed:
            groups.setdefault((case.id, step.at), (case, []))[1].append(step)
        for case, steps in groups.values():
            self._take({case.id: case}, steps, self._owe_one)
        return True

    def _read_missed(
        self, store: StoreReader, began: datetime
    ) -> tuple[set[str], list[tuple[Case, Transition]]]:
        since = self._clock.now() - OWED_FOR
        if self._notices is None:
            return set(), store.zone_steps(max(since, began))
        begun = self._notices.begun(self._target.id, began)
        missed = store.zone_steps(since if begun is None else max(since, begun))
        return self._notices.told(self._target.id), missed

    def hear(self, commit: Commit) -> None:
        """Queue what this commit means for the target; far behind, the newest is read again later."""
        self._take({case.id: case for case in commit.cases}, commit.transitions, self._queue)

    def _take(
        self,
        cases: dict[str, Case],
        steps: Iterable[Transition],
        put: Callable[[Notice, int], None],
    ) -> None:
        """Gaps may fill half the queue only: a dead network names many, and the next red must go out."""
        named: dict[str, list[Transition]] = {}
        for step in steps:
            case = cases.get(step.case)
            if case is None or _name(step) in self._known or not self._concerns(case, step):
                continue
            if step.change is Change.GAP_NAMED:
                named.setdefault(case.id, []).append(step)
            else:
                put(self._notice(case, [step]), MESSAGES_WAITING)
        for name, gaps in named.items():
            put(self._notice(cases[name], gaps), MESSAGES_WAITING // 2)

    def _notice(self, case: Case, steps: list[Transition]) -> Notice:
        title, body = self._words(case, _as_one(steps))
        return Notice(steps=tuple(map(_name, steps)), at=steps[0].at, title=title, body=body)

    def _queue(self, notice: Notice, within: int) -> None:
        if len(self._waiting) >= within:
            self._give_up("too many messages wait")
            self._left_out = True
            return
        self._known.update(notice.steps)
        self._waiting.append(notice)
        self._more.set()

    def _owe_one(self, notice: Notice, _: int) -> None:
        if len(self._owed) >= OWED_MOST:
            self._owed.popleft()
            self._give_up("too many messages are owed")
        self._known.update(notice.steps)
        self._owed.append(notice)
        self._more.set()

    async def _next(self) -> Notice:
        """What happens now, and what is owed while nothing does, as far as it is still of use."""
        while True:
            if self._waiting:
                return self._waiting.popleft()
            if self._left_out:
                self._left_out = False
                self.owe()
            if not self._owed:
                self._more.clear()
                await self._more.wait()
                continue
            notice = self._owed.popleft()
            if notice.at >= self._clock.now() - OWED_FOR:
                return notice
            self._give_up("a message that was owed came too late to be of use")

    def _concerns(self, case: Case, step: Transition) -> bool:
        if case.subject_kind != "zone" or step.change not in _TOLD:
            return False
        if case.exercise and not self._target.exercises:
            return False
        return step.level.rank >= self._target.from_level.rank

    def _words(self, case: Case, step: Transition) -> tuple[str, str]:
        zh, en = _TOLD[step.change]
        zone = self._zones.get(case.subject, case.subject)
        drill = "【演练 EXERCISE】" if case.exercise else ""
        title = f"{drill}{zone}：{case.text.zh}（{zh}）"
        detail = "" if step.detail is None else f"\n{step.detail.zh}\n{step.detail.en}"
        told = f"{case.text.en}, {step.level.value}: {en}. {step.at.isoformat()}{detail}"
        return title, f"{told}\nNo. {_name(step)}"

    async def run(self) -> None:
        """Send what waits, in order, until cancelled."""
        while True:
            notice = await self._next()
            for number in range(TRIES):
                if number:
                    await asyncio.sleep(self._again_s * 2 ** (number - 1))
                if await self._send(notice.title, notice.body):
                    await asyncio.to_thread(self._note, notice)
                    break
            else:
                self._give_up("the message did not go out")

    async def _send(self, title: str, body: str) -> bool:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return bool(await self._apprise.async_notify(title=title, body=body))
        except (OSError, TimeoutError, TypeError) as error:
            log.debug("notify %s: %s", self._target.id, error)
            return False

    def _note(self, notice: Notice) -> None:
        if self._notices is None:
            return
        try:
            self._notices.note(self._target.id, notice.steps, self._clock.now())
        except StoreError as error:
            log.warning("notify %s: told, but not noted: %s", self._target.id, error)

    def _give_up(self, why: str) -> None:
        self.failed += 1
        log.error("notify %s: %s (%d so far)", self._target.id, why, self.failed)


def _name(step: Transition) -> str:
    """A step's name, the same in every life of the service."""
    return f"{step.case}/{step.serial}"


def _as_one(steps: list[Transition]) -> Transition:
    """All gaps of a case that were named at once are one message, which names the first of them."""
    first, *others = steps
    zh, en = ("", "") if first.detail is None else (first.detail.zh, first.detail.en)
    for step in others:
        if step.detail is None or len(en) + len(step.detail.en) > GAPS_TOLD_MOST:
            break
        zh, en = f"{zh}\n{step.detail.zh}", f"{en}\n{step.detail.en}"
    return first if not others else replace(first, detail=Bilingual(zh=zh, en=en))


def notifiers_of(loaded: LoadedSite, notices: Notices | None, clock: Clock) -> list[Notifier]:
    """The site's targets with their secret addresses; ValueError where one cannot be told."""
    zones = {zone.id: f"{zone.name.zh} {zone.name.en}" for zone in loaded.site.zones}
    return [
        Notifier(target, loaded.secret(target.url), zones=zones, notices=notices, clock=clock)
        for target in loaded.site.notify
    ]


async def tell_people(
    notifiers: list[Notifier],
    feed: Feed,
    *,
    store: StoreReader,
    clock: Clock,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Follow the commits until the feed ends, each target at its own pace.

    What an earlier life, or a lag behind the feed, left untold is told first.
    """
    began = clock.now()
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(each.run(), name="notifier") for each in notifiers]
        with feed.subscribe(COMMITS_WAITING) as commits:
            for each in notifiers:
                if not await each.caught_up(store, began):
                    each.owe()
                sending.append(tasks.create_task(each.catch_up(store, began), name="what is owed"))
            on_start()
            try:
                while True:
                    commit = await commits.next()
                    if commits.lagged:
                        commits.caught_up()
                        for notifier in notifiers:
                            notifier.owe()
                    for notifier in notifiers:
                        notifier.hear(commit)
            except FeedClosedError:
                for task in sending:
                    task.cancel()
