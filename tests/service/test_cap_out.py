"""CAP out of a running store: once on the broker, one file a message, complete after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from config.schema import Cap
from model.cap.alert import MessageType
from model.cap.document import read
from model.cases import Case, CaseState, Transition
from model.commit import Commit
from service.cap_out import CapOut
from store.embedded import Store
from store.feed import Feed
from tests.config.test_cap import EVENING, SITE, case
from tests.waiting import wait_until
from wire.payloads import CapMessage

SITE_WITH_FOLDER = SITE.model_copy(update={"cap": Cap(folder="cap")})


class Ear:
    """Keeps what was said, and whether it is still retained."""

    def __init__(self) -> None:
        self.said: list[CapMessage] = []
        self.retained: dict[str, bytes] = {}

    def keep(self, topic: str, payload: bytes) -> bool:
        if payload:
            self.said.append(msgspec.json.decode(payload, type=CapMessage))
        self.retained[topic] = payload
        return True

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,  # noqa: ARG002 - the port's
        qos: int = 1,  # noqa: ARG002
        confirmed: Callable[[bool], None] | None = None,
    ) -> bool:
        self.keep(topic, payload)
        if confirmed is not None:
            confirmed(True)
        return True


def commit(store: Store, now: Case, *steps: Transition) -> Commit:
    with store.transaction() as tx:
        tx.save_case(now, steps)
    return Commit(
        serial=steps[-1].serial,
        at=steps[-1].at,
        facts=(),
        zones=(),
        cases=(now,),
        transitions=steps,
        orders=(),
        health=(),
        refused={},
    )


def test_each_message_is_said_once_and_kept_as_a_file(tmp_path: Path) -> None:
    ear = Ear()
    with Store.open(tmp_path / "data") as store:
        out = CapOut(SITE_WITH_FOLDER, store, ear, base=tmp_path)
        for step in EVENING:
            state = CaseState.CLOSED if step is EVENING[-1] else CaseState.OPEN
            out.tell(commit(store, case(state=state), step).cases)
    kinds = [message.kind for message in ear.said]
    assert kinds == ["Alert", "Update", "Update", "Cancel"]
    assert set(ear.retained.values()) == {b""}
    files = sorted((tmp_path / "cap").iterdir())
    assert [file.name for file in files] == ["c-1-1.xml", "c-1-3.xml", "c-1-4.xml", "c-1-5.xml"]
    assert read(files[-1].read_bytes()).message_type is MessageType.CANCEL
    assert read(ear.said[0].xml.encode()) == read(files[0].read_bytes())


def test_after_a_restart_nothing_is_said_twice_and_missing_files_come(tmp_path: Path) -> None:
    ear, feed = Ear(), Feed()

    async def live(store: Store) -> None:
        running = asyncio.create_task(CapOut(SITE_WITH_FOLDER, store, ear, base=tmp_path).run(feed))
        completed = (tmp_path / "cap" / "c-1-3.xml").exists
        await asyncio.to_thread(wait_until, completed, within_s=30)
        await asyncio.to_thread(lambda: feed.publish(commit(store, case(), *EVENING[3:4])))
        await asyncio.to_thread(wait_until, lambda: bool(ear.said), within_s=30)
        feed.close()
        await running

    with Store.open(tmp_path / "data") as store:
        commit(store, case(), *EVENING[:3])
        asyncio.run(live(store))
    assert [message.identifier for message in ear.said] == ["c-1-4"]
