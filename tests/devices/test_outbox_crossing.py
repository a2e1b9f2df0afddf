"""A message that is written anew, while the answer to the old one is still on its way, is not told twice."""

from __future__ import annotations

import msgspec
import pytest

from devices.crossing import ANSWERS_WITHIN_S, JUST_HEARD_S, ROOM_S
from devices.steps import EndReason
from model.actions import Broadcast
from model.facts import BollardResult, DeviceKind, ReceiptStage
from model.level import Level
from model.orders import Motion, OrderRecord, OrderState
from tests.devices.rig import Rig, cancel, move, show, small_site


def told_anew(*, unanswered_s: float = 0.5, expires_s: float = 600.0) -> tuple[Rig, OrderRecord]:
    """An order that left a moment ago, and the same words written anew."""
    rig = Rig()
    rig.plan(show(expires_s=expires_s))
    (old,) = rig.send()
    rig.clock.advance(unanswered_s)
    rig.plan(show(expires_s=expires_s))
    return rig, old


def leaves_after(rig: Rig, seconds: float) -> list[float]:
    """When the newest order of the screen leaves for the first time, and then again."""
    new = rig.of("screen-1")[-1]
    return [moment for moment, record in rig.pass_time(seconds) if record.id == new.id]


def test_the_new_order_waits_for_the_answer_to_the_old_one() -> None:
    rig, old = told_anew()
    assert rig.send() == ()
    first, *again = leaves_after(rig, 30)
    assert first == pytest.approx(ANSWERS_WITHIN_S - 0.5, abs=0.3)
    assert again
    assert rig.disk[old.id].attempts == 1, "what was replaced is never sent again"


def test_where_the_old_one_was_heard_the_new_one_leaves_a_minute_later() -> None:
    rig, old = told_anew()
    rig.pass_time(2)
    rig.terminal_says(old, ReceiptStage.RECEIVED)
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert leaves_after(rig, 70)[0] == pytest.approx(JUST_HEARD_S, abs=0.3)


def test_it_leaves_before_what_was_heard_ends_on_the_screen() -> None:
    rig, old = told_anew(expires_s=40.0)
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert leaves_after(rig, 39)[0] == pytest.approx(40 - ROOM_S - 1.5, abs=0.3)


def test_an_answer_that_says_that_it_was_not_heard_puts_nothing_off() -> None:
    rig, old = told_anew()
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.FAILED, "speaker_broken")
    assert leaves_after(rig, 10)[0] <= ANSWERS_WITHIN_S


def test_one_that_was_received_and_then_failed_is_tried_anew_at_once() -> None:
    """A terminal says first that it received: people heard nothing yet."""
    rig, old = told_anew()
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.RECEIVED)
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.FAILED, "speaker_broken")
    assert [record.id for record in rig.send()] == [rig.of("screen-1")[-1].id]


def test_an_answer_that_comes_when_the_new_one_has_left_changes_nothing() -> None:
    rig, old = told_anew()
    first, *_ = leaves_after(rig, ANSWERS_WITHIN_S)
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert first < ANSWERS_WITHIN_S
    assert leaves_after(rig, 5) != []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(cancel(), id="a cancel"),
        pytest.param(show("case-2"), id="another warning"),
        pytest.param(show("case-1", "screen-2"), id="another terminal"),
        pytest.param(msgspec.structs.replace(show(), level=Level.ORANGE), id="another level"),
    ],
)
def test_what_says_something_else_waits_for_nothing(other: Broadcast) -> None:
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.plan(other)
    assert [record.id for record in rig.send() if record.id != old.id] != []


def test_what_was_heard_or_never_left_holds_nothing_back() -> None:
    rig = Rig()
    rig.plan(show())
    rig.plan(show())
    (old,) = rig.send()
    rig.terminal_says(old, ReceiptStage.PLAYED)
    rig.plan(show())
    assert len(rig.send()) == 1


def test_a_message_of_short_life_waits_for_a_tenth_of_it_at_most() -> None:
    rig, _ = told_anew(expires_s=3.0)
    assert leaves_after(rig, 1)[0] <= 0.5


def test_while_it_waits_it_goes_along_with_no_other_order_and_with_no_return() -> None:
    rig, _ = told_anew()
    waiting = rig.of("screen-1")[-1]
    rig.plan(show("case-2"))
    rig.status(DeviceKind.TERMINAL, "screen-1", online=True)
    assert waiting.id not in {record.id for record in rig.send()}


def test_a_cancel_while_it_waits_takes_it_back() -> None:
    rig, _ = told_anew()
    waiting = rig.of("screen-1")[-1]
    rig.plan(cancel())
    sent = {record.id for _, record in rig.pass_time(80)}
    assert waiting.id not in sent
    assert len(sent) == 1


@pytest.mark.parametrize("then", [show(), cancel()], ids=["replaced", "taken back"])
def test_what_was_heard_although_it_was_over_is_told(then: Broadcast) -> None:
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.plan(then)
    for stage, told in (
        (ReceiptStage.RECEIVED, EndReason.RECEIVED_ALL_THE_SAME),
        (ReceiptStage.PLAYED, EndReason.PLAYED_ALL_THE_SAME),
        (ReceiptStage.RECEIVED, EndReason.PLAYED_ALL_THE_SAME),
    ):
        rig.terminal_says(old, stage)
        assert (rig.disk[old.id].state, rig.disk[old.id].reason) == (OrderState.WITHDRAWN, told)
        assert rig.answered == (), "the last message is still without an answer"


def test_what_a_terminal_itself_says_of_an_end_is_not_written_over() -> None:
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.terminal_says(old, ReceiptStage.FAILED, "withdrawn")
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert rig.disk[old.id].reason == "withdrawn"


def test_a_lane_is_known_by_its_state_not_by_a_late_word_on_what_was_stopped() -> None:
    rig = Rig()
    rig.plan(move(Motion.LOWER))
    lower, *_ = rig.send()
    rig.plan(move(Motion.STOP))
    rig.bollard_says(lower, BollardResult.DONE)
    assert (rig.disk[lower.id].state, rig.disk[lower.id].reason) == (
        OrderState.WITHDRAWN,
        EndReason.STOPPED,
    )


@pytest.mark.parametrize("heard", [False, True])
def test_what_takes_the_place_of_a_waiting_message_waits_as_it_did(*, heard: bool) -> None:
    rig, old = told_anew()
    if heard:
        rig.terminal_says(old, ReceiptStage.PLAYED)
    rig.pass_time(1)
    rig.plan(show())
    waits_s = JUST_HEARD_S if heard else ANSWERS_WITHIN_S - 0.5
    assert leaves_after(rig, 70)[0] == pytest.approx(waits_s - 1, abs=0.3)


def test_a_lane_of_the_same_name_is_not_asked_for_a_screens_words() -> None:
    """Names are each kind's own: an order of one must not stop the start of all."""
    site = small_site(
        bollards=[
            {"id": "screen-1", "name": {"zh": "甲", "en": "A"}, "entrance": "east", "lane": 1}
        ]
    )
    rig = Rig(site)
    rig.plan(move(Motion.LOWER))
    rig.send()
    rig.plan(show())
    rig.plan(move(Motion.LOWER))
    rig.restart()
    assert {record.action for record in rig.send()} == {"show", "lower"}


def test_a_restart_waits_for_the_answer_too() -> None:
    rig, _ = told_anew()
    rig.restart()
    assert rig.send() == ()
    assert leaves_after(rig, 10)[0] == pytest.approx(ANSWERS_WITHIN_S, abs=0.3)


def test_what_is_written_anew_right_after_a_restart_waits_for_what_left_before_it() -> None:
    """The answer lies in the broker; what is due is told again in the very first step."""
    rig = Rig()
    rig.plan(show())
    (old,) = rig.send()
    rig.restart()
    rig.plan(show())
    assert rig.send() == ()
    rig.pass_time(1)
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert leaves_after(rig, 70)[0] == pytest.approx(JUST_HEARD_S, abs=0.3)


def test_what_is_written_anew_right_after_a_restart_leaves_where_no_answer_comes() -> None:
    rig = Rig()
    rig.plan(show())
    rig.send()
    rig.restart()
    rig.plan(show())
    assert leaves_after(rig, 10)[0] == pytest.approx(ANSWERS_WITHIN_S, abs=0.3)


@pytest.mark.parametrize("heard_first", [False, True])
def test_the_answer_counts_whether_it_comes_before_a_restart_or_after(heard_first: bool) -> None:
    rig, old = told_anew()
    rig.pass_time(1)
    if heard_first:
        rig.terminal_says(old, ReceiptStage.PLAYED)
    rig.pass_time(2)
    rig.restart()
    if not heard_first:
        rig.terminal_says(old, ReceiptStage.PLAYED)
    since_s = 2.0 if heard_first else 0.0
    assert rig.disk[old.id].reason == EndReason.PLAYED_ALL_THE_SAME
    assert leaves_after(rig, 70)[0] == pytest.approx(JUST_HEARD_S - since_s, abs=0.3)


@pytest.mark.parametrize(
    "down_s", [JUST_HEARD_S + 1, -3600.0], ids=["long after", "clock set back"]
)
def test_a_restart_waits_for_nothing_old(down_s: float) -> None:
    rig, _ = told_anew()
    rig.clock.advance(max(down_s, 0.0))
    rig.clock.step_wall(min(down_s, 0.0))
    rig.restart()
    assert len(rig.send()) == 1


def test_a_restart_sends_a_cancel_and_other_words_at_once() -> None:
    for other in (cancel(), msgspec.structs.replace(show(), level=Level.ORANGE)):
        rig = Rig()
        rig.plan(show())
        rig.send()
        rig.plan(other)
        rig.restart()
        assert len(rig.send()) == 1


def test_a_restart_repeats_what_had_left() -> None:
    rig, _ = told_anew()
    first, *_ = leaves_after(rig, ANSWERS_WITHIN_S)
    rig.restart()
    assert first < ANSWERS_WITHIN_S
    assert leaves_after(rig, 2) != []


def test_a_late_word_on_an_order_that_ended_before_the_restart_is_taken() -> None:
    rig = Rig()
    rig.plan(show(expires_s=5.0))
    (old,) = rig.send()
    rig.pass_time(70)
    assert rig.disk[old.id].state is OrderState.EXPIRED
    rig.restart()
    rig.terminal_says(old, ReceiptStage.PLAYED)
    assert rig.disk[old.id].state is OrderState.PLAYED
    assert [record.id for record in rig.answered] == [old.id]
