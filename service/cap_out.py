"""Warnings to other warning centres: each CAP message once to the broker, and into a folder.

Follows the feed of commits. The messages come from the store, so that a file or a feed never says
what is not on disk; after a restart the files of the last warnings are completed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from config.cap_of_case import messages_of
from config.schema import SiteFile
from model.cap.alert import Alert, MessageType
from model.cap.document import write
from model.cases import Case
from service.announcer import Speaker
from store.embedded import StoreReader
from store.errors import FeedClosedError
from store.feed import Feed
from wire.codec import encode
from wire.payloads import CapMessage
from wire.topics import Topics

log = logging.getLogger(__name__)

COMMITS_WAITING = 256
CASES_COMPLETED = 100


class CapOut:
    """Says every message once on the broker, and keeps one file a message where a folder is named."""

    def __init__(self, site: SiteFile, store: StoreReader, speaker: Speaker, *, base: Path) -> None:
        self._site = site
        self._store = store
        self._speaker = speaker
        self._topics = Topics(site.site.id)
        self._folder = None if site.cap.folder is None else base / site.cap.folder
        self._said: dict[str, int] = {}

    async def run(self, feed: Feed) -> None:
        """Follow the commits until the feed ends."""
        with feed.subscribe(COMMITS_WAITING) as commits:
            await asyncio.to_thread(self._complete)
            while True:
                try:
                    commit = await commits.next()
                except FeedClosedError:
                    return
                if commits.lagged:
                    commits.caught_up()
                    await asyncio.to_thread(self._complete)
                elif commit.transitions:
                    await asyncio.to_thread(self.tell, commit.cases)

    def tell(self, cases: Iterable[Case]) -> None:
        """Say what is new of these cases."""
        for case in cases:
            told = self._said.get(case.id, 0)
            messages = messages_of(self._site, case, self._store.transitions(case.id))
            for alert in messages[told:]:
                self._say(case, alert)
            self._note(case, messages)

    def _complete(self) -> None:
        """What was said before the restart is not said again on the broker; files are completed."""
        for case in reversed(self._store.cases(limit=CASES_COMPLETED)):
            messages = messages_of(self._site, case, self._store.transitions(case.id))
            for alert in messages:
                self._keep(alert)
            if case.id not in self._said:
                self._note(case, messages)

    def _note(self, case: Case, messages: list[Alert]) -> None:
        over = messages and messages[-1].message_type is MessageType.CANCEL
        if over:
            self._said.pop(case.id, None)
        elif messages:
            self._said[case.id] = len(messages)

    def _say(self, case: Case, alert: Alert) -> None:
        body = CapMessage(
            identifier=alert.identifier,
            sent=alert.sent,
            kind=alert.message_type,
            status=alert.status,
            xml=write(alert).decode("utf-8"),
        )
        topic, payload = self._topics.cap(case.id), encode(body)
        over = alert.message_type is MessageType.CANCEL
        if not over or not self._speaker.publish(
            topic, payload, retain=True, confirmed=lambda _arrived: self._clear(topic)
        ):
            self._speaker.keep(topic, payload)
        self._keep(alert)

    def _clear(self, topic: str) -> None:
        """A cancel was said once; what joins later finds no warning any more."""
        self._speaker.keep(topic, b"")

    def _keep(self, alert: Alert) -> None:
        if self._folder is None:
            return
        path = self._folder / f"{alert.identifier}.xml"
        if path.exists():
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(write(alert))
            part.replace(path)  # whole or not at all
        except OSError as error:
            log.error("CAP message %s was not written to %s: %s", alert.identifier, path, error)
