"""Telling people who are not before a screen: mail, WeCom, DingTalk, Feishu, webhooks and the like.

Follows the feed of commits. Each target is told when a warning opens, rises, is escalated or ends,
or leaves somebody unreached, from its own level on; an exercise says so first. A message that did not go out is tried again a few
times and then logged by name: the terminals and the room do not depend on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec
from apprise import Apprise

from config.schema import NotifyTarget
from model.cases import Case, Change, Transition
from model.commit import Commit
from model.text import Bilingual
from service.site import LoadedSite
from store.errors import FeedClosedError
from store.feed import Feed

log = logging.getLogger(__name__)

COMMITS_WAITING = 256
MESSAGES_WAITING = 100
TRIES = 3
TRY_AGAIN_S = 5.0
ANSWER_WITHIN_S = 30.0
GAPS_TOLD_MOST = 1_000
"""Letters; a message of a hundred names would tell nobody anything."""

_TOLD = {
    Change.OPENED: ("新警报", "new"),
    Change.STEPPED_UP: ("升级", "raised"),
    Change.ESCALATED: ("无人确认", "nobody has taken it"),
    Change.GAP_NAMED: ("有人没有通知到", "somebody was not reached"),
    Change.CLOSED: ("解除", "over"),
}


class Notifier:
    """One target: what concerns it is queued, and sent in order by a task of its own."""

    def __init__(
        self, target: NotifyTarget, url: str, *, zones: dict[str, str], again_s: float = TRY_AGAIN_S
    ) -> None:
        self.failed = 0
        self._target = target
        self._zones = zones
        self._again_s = again_s
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MESSAGES_WAITING)
        self._apprise = Apprise()
        if not self._apprise.add(url):
            raise ValueError(f"notify `{target.id}`: its address is of no kind that can be told")

    def hear(self, commit: Commit) -> None:
        """Queue what this commit means for the target; the newest is dropped when it is far behind."""
        cases = {case.id: case for case in commit.cases}
        named: dict[str, Transition] = {}
        for step in commit.transitions:
            case = cases.get(step.case)
            if case is None or not self._concerns(case, step):
                continue
            if step.change is Change.GAP_NAMED:
                named[case.id] = _with(named.get(case.id), step)
            else:
                self._queue(case, step, within=MESSAGES_WAITING)
        for name, step in named.items():
            self._queue(cases[name], step, within=MESSAGES_WAITING // 2)

    def _queue(self, case: Case, step: Transition, *, within: int) -> None:
        """Gaps may fill half the queue only: a dead network names many, and the next red must go out."""
        if self._waiting.qsize() >= within:
            self._give_up("too many messages wait")
            return
        self._waiting.put_nowait(self._words(case, step))

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
        return title, f"{case.text.en}, {step.level.value}: {en}. {step.at.isoformat()}{detail}"

    async def run(self) -> None:
        """Send what waits, in order, until cancelled."""
        while True:
            title, body = await self._waiting.get()
            for number in range(TRIES):
                if number:
                    await asyncio.sleep(self._again_s * 2 ** (number - 1))
                if await self._send(title, body):
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

    def _give_up(self, why: str) -> None:
        self.failed += 1
        log.error("notify %s: %s (%d so far)", self._target.id, why, self.failed)


def _with(before: Transition | None, step: Transition) -> Transition:
    """All gaps of a case that were named at once are one message, which names the first of them."""
    if before is None or before.detail is None or step.detail is None:
        return step
    both = Bilingual(
        zh=f"{before.detail.zh}\n{step.detail.zh}", en=f"{before.detail.en}\n{step.detail.en}"
    )
    return before if len(both.en) > GAPS_TOLD_MOST else msgspec.structs.replace(step, detail=both)


def notifiers_of(loaded: LoadedSite) -> list[Notifier]:
    """The site's targets with their secret addresses; ValueError where one cannot be told."""
    zones = {zone.id: f"{zone.name.zh} {zone.name.en}" for zone in loaded.site.zones}
    return [
        Notifier(target, loaded.secret(target.url), zones=zones) for target in loaded.site.notify
    ]


async def tell_people(
    notifiers: list[Notifier], feed: Feed, on_start: Callable[[], None] = lambda: None
) -> None:
    """Follow the commits until the feed ends, each target at its own pace."""
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(each.run(), name="notifier") for each in notifiers]
        with feed.subscribe(COMMITS_WAITING) as commits:
            on_start()
            try:
                while True:
                    commit = await commits.next()
                    for notifier in notifiers:
                        notifier.hear(commit)
            except FeedClosedError:
                for task in sending:
                    task.cancel()
