"""A device's judgement of what reaches it: the contract's checks, one by one, in their order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from model.facts import DeviceKind
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from tests.devices.rig import KEYS, SIGNER, START
from wire.order_check import HANDLED_MAX, Judged, OrderCheck, OrderMemory, OrderVerdict, takes_back
from wire.topics import Topics

TOPICS = Topics("small")
SCREEN = TOPICS.order(DeviceKind.TERMINAL, "screen-1")
LANE = TOPICS.order(DeviceKind.BOLLARD, "lane-1")
EXPIRES = START + timedelta(seconds=10)
SHOW = TerminalOrder(
    id="order-5",
    counter=5,
    issued=START,
    expires=EXPIRES,
    action="show",
    warning="case-1",
    level=Level.RED,
    exercise=False,
    text=Bilingual(zh="请绕行", en="Please take another way"),
    speech="",
    key="key-1",
    signature="",
)
LOWER = BollardOrder(
    id="order-5",
    counter=5,
    issued=START,
    expires=EXPIRES,
    motion=Motion.LOWER,
    exercise=False,
    key="key-1",
    signature="",
)
CANCEL = msgspec.structs.replace(SHOW, action="cancel")
STOP = msgspec.structs.replace(LOWER, motion=Motion.STOP)
LATE = EXPIRES + timedelta(hours=1)


def judge(
    order: TerminalOrder | BollardOrder,
    *,
    memory: OrderMemory | None = None,
    now: object = START,
    **changes: object,
) -> Judged:
    """What a device with this memory makes of an order that the service signed for it."""
    topic = SCREEN if isinstance(order, TerminalOrder) else LANE
    check = OrderCheck(topic, KEYS, OrderMemory() if memory is None else memory)
    payload = SIGNER.sign(topic, msgspec.structs.replace(order, **changes))
    return check.judge(topic, payload, now)  # type: ignore[arg-type]  # a moment, or None


@pytest.mark.parametrize("order", [SHOW, CANCEL, LOWER, STOP])
def test_an_order_of_ours_is_obeyed_and_remembered(order: TerminalOrder | BollardOrder) -> None:
    memory = OrderMemory()
    judged = judge(order, memory=memory)
    assert judged.verdict is OrderVerdict.OBEY
    assert judged.order is not None
    assert (judged.order.id, judged.receipt) == ("order-5", None)
    assert (memory.highest, list(memory.handled.items())) == (5, [("order-5", None)])


def test_on_another_topic_it_is_not_ours_whoever_signed_it() -> None:
    check = OrderCheck(LANE, KEYS, OrderMemory())
    other = LANE.replace("lane-1", "lane-2")
    judged = check.judge(other, SIGNER.sign(other, LOWER), START)
    assert judged == Judged(verdict=OrderVerdict.NOT_OURS, detail="misaddressed")


def test_a_signature_that_does_not_hold_is_named_and_leaves_no_trace() -> None:
    memory = OrderMemory()
    check = OrderCheck(LANE, KEYS, memory)
    forged = SIGNER.sign(LANE, LOWER).replace(b'"counter":5', b'"counter":6')
    judged = check.judge(LANE, forged, START)
    assert judged == Judged(verdict=OrderVerdict.NOT_OURS, detail="bad_signature")
    assert (memory.highest, len(memory.handled)) == (0, 0)


def test_what_was_handled_gets_its_last_receipt_before_anything_else_is_looked_at() -> None:
    memory = OrderMemory()
    judge(LOWER, memory=memory)
    memory.note("order-5", b"the receipt")
    again = judge(LOWER, memory=memory, now=LATE)
    assert (again.verdict, again.receipt) == (OrderVerdict.REPEATED, b"the receipt")
    assert again.order is not None


@pytest.mark.parametrize("order", [SHOW, CANCEL, LOWER, STOP])
@pytest.mark.parametrize(
    ("counter", "verdict"),
    [(4, OrderVerdict.STALE), (5, OrderVerdict.STALE), (6, OrderVerdict.OBEY)],
)
def test_only_a_counter_above_the_highest_is_obeyed(
    order: TerminalOrder | BollardOrder, counter: int, verdict: OrderVerdict
) -> None:
    memory = OrderMemory()
    judge(order, memory=memory)
    judged = judge(order, memory=memory, id="order-6", counter=counter)
    assert judged.verdict is verdict
    assert ("order-6" in memory.handled) is (verdict is OrderVerdict.OBEY)


@pytest.mark.parametrize("order", [SHOW, LOWER])
def test_an_order_lives_until_the_moment_it_expires(order: TerminalOrder | BollardOrder) -> None:
    memory = OrderMemory()
    assert judge(order, memory=memory, now=EXPIRES).verdict is OrderVerdict.EXPIRED
    assert judge(order, memory=memory, now=None).verdict is OrderVerdict.CLOCK_UNSET
    assert (memory.highest, len(memory.handled)) == (0, 0)
    just_before = EXPIRES - timedelta(milliseconds=1)
    assert judge(order, memory=memory, now=just_before).verdict is OrderVerdict.OBEY


@pytest.mark.parametrize("order", [CANCEL, STOP])
@pytest.mark.parametrize("now", [LATE, None])
def test_what_only_takes_back_is_obeyed_late_and_without_a_clock(
    order: TerminalOrder | BollardOrder, now: object
) -> None:
    assert judge(order, now=now).verdict is OrderVerdict.OBEY


@pytest.mark.parametrize("motion", Motion)
def test_of_motions_only_a_stop_takes_back(motion: Motion) -> None:
    assert takes_back(msgspec.structs.replace(LOWER, motion=motion)) is (motion is Motion.STOP)


def test_the_highest_counter_never_falls() -> None:
    memory = OrderMemory()
    memory.accept("first", 9)
    memory.accept("second", 3)
    assert memory.highest == 9


def test_what_was_spoken_of_last_is_remembered_longest() -> None:
    memory = OrderMemory()
    for number in range(HANDLED_MAX):
        memory.note(f"order-{number}", None)
    assert len(memory.handled) == HANDLED_MAX
    memory.note("order-0", b"played")
    memory.note("one more", None)
    assert len(memory.handled) == HANDLED_MAX
    assert "order-0" in memory.handled
    assert "order-1" not in memory.handled


def test_an_order_is_on_disk_before_it_is_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "lane-1.json"
    assert judge(LOWER, memory=OrderMemory(path)).verdict is OrderVerdict.OBEY
    after_power_cut = OrderMemory(path)
    assert after_power_cut.highest == 5
    assert dict(after_power_cut.handled) == {"order-5": None}
    assert judge(LOWER, memory=after_power_cut).verdict is OrderVerdict.REPEATED


def test_receipts_survive_a_power_cut_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "lane-1.json"
    memory = OrderMemory(path)
    for number in range(3):
        memory.accept(f"order-{number}", number)
    memory.note("order-0", "完成".encode())
    assert list(OrderMemory(path).handled.items()) == [
        ("order-1", None),
        ("order-2", None),
        ("order-0", "完成".encode()),
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["lane-1.json"]
