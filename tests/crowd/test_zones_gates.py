"""What a gate counter's totals mean: passages, reboots, resets, late and lost messages, and what they cannot tell."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowd.coverage import Estimate
from crowd.gates import EmptyHours
from crowd.occupancy import CountEvent, GateLedger
from model.facts import CounterReading

AT = datetime(2026, 2, 14, 19, 0, tzinfo=UTC)


def totals(entered: int, left: int, *, seq: int, boot: str = "b1") -> CounterReading:
    return CounterReading(at=AT, boot=boot, seq=seq, in_total=entered, out_total=left)


def ledger(*readings: CounterReading, quiet_s: float = 2.0) -> tuple[GateLedger, list[CountEvent]]:
    account = GateLedger()
    return account, [account.count("g", reading, quiet_s=quiet_s) for reading in readings]


def test_a_lost_message_loses_nobody() -> None:
    account, _ = ledger(totals(0, 0, seq=1), totals(50, 10, seq=9))
    assert account.inside == 40


def test_the_first_message_only_sets_the_totals() -> None:
    account, events = ledger(totals(5000, 100, seq=700))
    assert (account.inside, events) == (0, [CountEvent.FIRST])


def test_after_a_reboot_totals_count_from_zero() -> None:
    account, events = ledger(
        totals(0, 0, seq=1), totals(30, 0, seq=2), totals(4, 1, seq=1, boot="b2")
    )
    assert (account.inside, events[-1]) == (33, CountEvent.REBOOTED)


def test_totals_that_fall_within_one_boot_are_a_reset_and_never_negative_passages() -> None:
    account, events = ledger(totals(900, 100, seq=1), totals(2, 1, seq=2))
    assert (account.inside, events[-1]) == (1, CountEvent.RESET)


def number(account: GateLedger) -> Estimate | None:
    """What the gates alone say now."""
    return account.alone


def test_what_the_gates_count_is_no_number_until_somebody_says_how_many_were_inside() -> None:
    account, _ = ledger(totals(0, 0, seq=1), totals(40, 100, seq=2), totals(90, 100, seq=3))
    assert number(account) is None
    assert account.at_least == pytest.approx(50 - 0.05 * 190), "who came last has not left"
    account.settle(120.0, doubt=12.0)
    assert account.alone == Estimate(value=120, low=108, high=132)
    account.count("g", totals(100, 120, seq=4), quiet_s=2.0)
    assert account.alone == Estimate(value=110, low=110 - 13.5, high=110 + 13.5)


def test_a_counter_that_was_dead_for_long_makes_the_number_unknown_again() -> None:
    account, _ = ledger(totals(0, 0, seq=1))
    account.settle(300.0)
    account.count("g", totals(2, 0, seq=1, boot="b2"), quiet_s=60.0)
    assert number(account) is not None, "a quick restart misses next to nobody"
    account.count("g", totals(7, 0, seq=1, boot="b3"), quiet_s=900.0)
    assert number(account) is None
    assert account.at_least == pytest.approx(7 - 0.35)


def test_a_count_while_a_gate_is_silent_stands_and_is_in_doubt_by_what_the_gate_tells_later() -> (
    None
):
    account, _ = ledger(totals(0, 0, seq=1))
    account.settle(320.0, silent=["g"])
    account.count("g", totals(30, 10, seq=2), quiet_s=900.0)
    assert account.alone is not None
    assert (account.inside, account.doubt) == (340, 40)
    account.count("g", totals(31, 10, seq=3), quiet_s=2.0)
    assert (account.inside, account.doubt) == (341, 40), "what it tells from then on is not"


def test_a_second_gate_that_was_never_heard_before_makes_the_number_unknown() -> None:
    account, _ = ledger(totals(0, 0, seq=1))
    account.settle(300.0)
    account.count("g2", totals(4000, 10, seq=900), quiet_s=float("inf"))
    assert account.alone is None


def test_the_hour_at_which_nobody_is_inside_is_told_once() -> None:
    hours = EmptyHours({"square": time(6, 0)}, ZoneInfo("Asia/Shanghai"))
    before = datetime(2026, 2, 14, 21, 59, 58, tzinfo=UTC)
    told = [hours.reached(before + timedelta(seconds=s), float(s)) for s in range(5)]
    assert told == [(), (), ("square",), (), ()]


@pytest.mark.parametrize(
    ("wall_s", "lived_s", "why"),
    [(3600, 0.2, "the clock was set past it"), (3600, 3600, "the service slept over it")],
)
def test_an_hour_that_was_not_lived_empties_nothing(
    wall_s: float, lived_s: float, why: str
) -> None:
    hours = EmptyHours({"square": time(6, 0)}, ZoneInfo("Asia/Shanghai"))
    before = datetime(2026, 2, 14, 21, 30, tzinfo=UTC)
    assert hours.reached(before, 0.0) == ()
    assert hours.reached(before + timedelta(seconds=wall_s), lived_s) == (), why


def test_a_late_or_repeated_message_counts_nobody() -> None:
    account, events = ledger(
        totals(0, 0, seq=1), totals(9, 0, seq=3), totals(5, 0, seq=2), totals(9, 0, seq=3)
    )
    assert account.inside == 9
    assert events[-2:] == [CountEvent.LATE, CountEvent.LATE]


def test_numbers_that_start_again_after_quiet_are_a_reset() -> None:
    account = GateLedger()
    account.count("g", totals(900, 0, seq=500), quiet_s=float("inf"))
    assert account.count("g", totals(7, 0, seq=3), quiet_s=6.0) is CountEvent.RESET
    assert account.inside == 7


def test_cameras_pull_the_account_into_their_bounds() -> None:
    account, _ = ledger(totals(0, 0, seq=1), totals(300, 0, seq=2))
    seen = Estimate(value=100, low=80, high=125)
    assert account.agree(seen) == 125
    assert account.alone is not None
    assert account.alone.high == 125


def test_an_account_that_nobody_set_begins_with_what_the_cameras_see() -> None:
    account, _ = ledger(totals(9000, 8000, seq=1))
    assert account.agree(Estimate(value=100, low=80, high=125)) == 100
    account.count("g", totals(9010, 8000, seq=2), quiet_s=2.0)
    assert account.agree(Estimate(value=100, low=80, high=125)) == 110


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["g1", "g2"]),
            st.sampled_from(["b1", "b2"]),
            st.integers(0, 50),
            st.integers(0, 1000),
            st.integers(0, 1000),
            st.sampled_from([1.0, 20.0, 600.0]),
        )
    ),
    settled=st.booleans(),
)
def test_nobody_is_ever_less_than_nobody(
    steps: list[tuple[str, str, int, int, int, float]], settled: bool
) -> None:
    account = GateLedger()
    if settled:
        account.settle(25.0)
    for gate, boot, seq, entered, left, quiet_s in steps:
        account.count(gate, totals(entered, left, seq=seq, boot=boot), quiet_s=quiet_s)
        assert account.inside >= 0
        assert 0 <= account.at_least <= account.inside
        alone = account.alone
        assert alone is None or alone.low <= alone.value <= alone.high


@given(
    before=st.integers(0, 500),
    passages=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30),
)
def test_without_a_miscount_at_least_is_never_more_than_there_are(
    before: int, passages: list[tuple[int, int]]
) -> None:
    account, inside, entered, left = GateLedger(), before, 0, 0
    account.count("g", totals(0, 0, seq=0), quiet_s=float("inf"))
    for seq, (came, leaving) in enumerate(passages, start=1):
        went = min(leaving, inside + came)
        inside, entered, left = inside + came - went, entered + came, left + went
        account.count("g", totals(entered, left, seq=seq), quiet_s=2.0)
        assert account.at_least <= inside
