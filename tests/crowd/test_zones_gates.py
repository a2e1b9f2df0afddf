"""What a gate counter's totals mean: passages, reboots, resets, late and lost messages."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from crowd.coverage import Estimate
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
    assert account.alone.high == 125


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["g1", "g2"]),
            st.sampled_from(["b1", "b2"]),
            st.integers(0, 50),
            st.integers(0, 1000),
            st.integers(0, 1000),
            st.sampled_from([1.0, 20.0]),
        )
    )
)
def test_nobody_is_ever_less_than_nobody(
    steps: list[tuple[str, str, int, int, int, float]],
) -> None:
    account = GateLedger()
    for gate, boot, seq, entered, left, quiet_s in steps:
        account.count(gate, totals(entered, left, seq=seq, boot=boot), quiet_s=quiet_s)
        assert account.inside >= 0
        assert account.alone.low <= account.alone.value <= account.alone.high
