"""People are told through a real webhook: from their level on, in order, again after a failure."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from config.schema import NotifyTarget
from model.cases import Case, Change, Transition
from model.commit import Commit
from model.level import Level
from service.notifying import Notifier, tell_people
from store.feed import Feed
from tests.config.test_cap import case, steps
from tests.waiting import wait_until

ZONES = {"bridge": "桥 Bridge"}


def commit(now: Case, step: Transition) -> Commit:
    return Commit(
        serial=step.serial,
        at=step.at,
        facts=(),
        zones=(),
        cases=(now,),
        transitions=(step,),
        orders=(),
        health=(),
        refused={},
    )


@contextmanager
def webhook(*, fails: int = 0) -> Iterator[tuple[str, list[str]]]:
    """A webhook on loopback; its first `fails` answers are errors."""
    titles: list[str] = []
    left = [fails]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if left[0]:
                left[0] -= 1
                self.send_response(500)
            else:
                titles.append(json.loads(body)["title"])
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/", titles
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def told(url: str, titles: list[str], target: NotifyTarget, *commits: Commit, wanted: int) -> None:
    async def scene() -> None:
        feed = Feed()
        started = asyncio.Event()
        notifier = Notifier(target, url, zones=ZONES, again_s=0.01)
        following = asyncio.create_task(tell_people([notifier], feed, started.set))
        await started.wait()
        for each in commits:
            feed.publish(each)
        await asyncio.to_thread(wait_until, lambda: len(titles) >= wanted, within_s=60)
        feed.close()
        await following

    asyncio.run(scene())


EVENING = steps(
    (Change.OPENED, Level.YELLOW),
    (Change.STEPPED_UP, Level.ORANGE),
    (Change.ACKNOWLEDGED, Level.ORANGE),
    (Change.STEPPED_UP, Level.RED),
    (Change.CLOSED, Level.RED),
)


def test_a_target_hears_from_its_level_on_and_in_order() -> None:
    target = NotifyTarget(id="duty", url="env:DUTY", from_level=Level.ORANGE)
    with webhook() as (url, titles):
        told(url, titles, target, *(commit(case(), step) for step in EVENING), wanted=3)
    assert [title.split("（")[1] for title in titles] == ["升级）", "升级）", "解除）"]
    assert all(title.startswith("桥 Bridge") for title in titles)


def test_a_message_that_did_not_go_out_is_tried_again() -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    with webhook(fails=2) as (url, titles):
        told(url, titles, target, commit(case(), EVENING[3]), wanted=1)
    assert len(titles) == 1


def test_an_exercise_is_told_only_to_those_who_want_it_and_says_so() -> None:
    drill = commit(case(exercise=True), EVENING[3])
    device = commit(msgspec.structs.replace(case(), subject_kind="device"), EVENING[3])
    quiet = NotifyTarget(id="duty", url="env:DUTY")
    wants = NotifyTarget(id="drill", url="env:DUTY", exercises=True)
    with webhook() as (url, titles):
        told(url, titles, quiet, drill, device, commit(case(), EVENING[3]), wanted=1)
        told(url, titles, wants, drill, wanted=2)
    assert not titles[0].startswith("【")
    assert titles[1].startswith("【演练 EXERCISE】")


def test_many_gaps_at_once_are_one_message() -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    gaps = steps(*((Change.GAP_NAMED, Level.ORANGE) for _ in range(120)))
    many = msgspec.structs.replace(commit(case(), gaps[0]), transitions=gaps)
    with webhook() as (url, titles):
        told(url, titles, target, many, commit(case(), EVENING[3]), wanted=2)
    assert [title.split("（")[1] for title in titles] == ["有人没有通知到）", "升级）"]


def test_gaps_never_take_the_place_of_the_next_red() -> None:
    gaps = steps(*((Change.GAP_NAMED, Level.ORANGE) for _ in range(120)))
    target = NotifyTarget(id="duty", url="env:DUTY")
    notifier = Notifier(target, "json://127.0.0.1:9/", zones=ZONES)
    for step in gaps:
        notifier.hear(commit(case(), step))
    left_out = notifier.failed
    assert left_out > 0
    notifier.hear(commit(case(), EVENING[3]))
    assert notifier.failed == left_out


def test_an_address_of_no_known_kind_is_refused() -> None:
    target = NotifyTarget(id="duty", url="env:DUTY")
    with pytest.raises(ValueError, match="duty"):
        Notifier(target, "carrier-pigeon://loft", zones=ZONES)
