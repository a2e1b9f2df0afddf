"""A fact is stored once, however often and in whatever batches it is told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.facts import (
    BollardPosition,
    BollardReceipt,
    BollardResult,
    BollardState,
    CounterReading,
    Decision,
    DeviceKind,
    DeviceStatus,
    Fact,
    LoopState,
    ReceiptStage,
    SensorAlarm,
    TerminalReceipt,
    Verb,
)
from store.embedded import Store
from store.sources import QUANTITIES_A_SENSOR
from tests.store.conftest import StoreHouse
from tests.store.words import at, blind, fact, live, noise


def counter(seq: int, boot: str = "b1", s: float = 0.0) -> Fact:
    body = CounterReading(at=at(s), boot=boot, seq=seq, in_total=seq * 3, out_total=seq)
    return fact(DeviceKind.COUNTER, "gate-1", body)


def lane(
    seq: int, position: BollardPosition = BollardPosition.DOWN, s: float | None = None
) -> Fact:
    body = BollardState(
        at=at(seq if s is None else s),
        seq=seq,
        position=position,
        loop=LoopState.CLEAR,
        loop_age_ms=20,
    )
    return fact(DeviceKind.BOLLARD, "lane-1", body)


def alarm(state: str, s: float) -> Fact:
    body = SensorAlarm(
        id="a-1", at=at(s), hazard="fire", state="raised" if state == "raised" else "cleared"
    )
    return fact(DeviceKind.SENSOR, "smoke-1", body)


def receipt(stage: ReceiptStage, s: float = 0.0) -> Fact:
    return fact(DeviceKind.TERMINAL, "t-1", TerminalReceipt(order="o-1", stage=stage, at=at(s)))


def decision(decision_id: str, s: float) -> Fact:
    body = Decision(
        at=at(s),
        id=decision_id,
        person="li",
        session="s-1",
        verb=Verb.ACKNOWLEDGE,
        subject="c-1",
    )
    return fact("person", "li", body)


def take(store: Store, *facts: Fact) -> tuple[bool, ...]:
    with store.transaction() as tx:
        return tx.add_facts(facts)


SAME = [
    pytest.param(live("c1", 1), live("c1", 1, count=99), id="camera and time"),
    pytest.param(live("c1", 1), blind("c1", 1), id="live and blind of one moment"),
    pytest.param(counter(5), counter(5, s=3), id="counter, boot and sequence"),
    pytest.param(noise("n1", 1, 50, seq=3), noise("n1", 1, 51, seq=3), id="sensor reading"),
    pytest.param(alarm("raised", 1), alarm("raised", 1), id="alarm state and time"),
    pytest.param(
        receipt(ReceiptStage.PLAYED), receipt(ReceiptStage.PLAYED, s=9), id="order and stage"
    ),
    pytest.param(lane(4), lane(4), id="lane, time and sequence"),
    pytest.param(decision("d-1", 1), decision("d-1", 2), id="decision id"),
    pytest.param(
        fact(DeviceKind.TERMINAL, "t-1", DeviceStatus(state="online", at=at(1))),
        fact(DeviceKind.TERMINAL, "t-1", DeviceStatus(state="online", at=at(1)), s=7),
        id="status and time",
    ),
    pytest.param(
        fact(
            DeviceKind.BOLLARD, "b", BollardReceipt(order="o", result=BollardResult.DONE, at=at(1))
        ),
        fact(
            DeviceKind.BOLLARD, "b", BollardReceipt(order="o", result=BollardResult.DONE, at=at(2))
        ),
        id="bollard result",
    ),
]

DIFFERENT = [
    pytest.param(live("c1", 1), live("c2", 1), id="another camera"),
    pytest.param(live("c1", 1), live("c1", 1.2), id="another moment"),
    pytest.param(counter(5), counter(5, boot="b2"), id="the same sequence after a boot"),
    pytest.param(noise("n1", 1, 50, seq=3), noise("n1", 1, 51, seq=4), id="two in one moment"),
    pytest.param(alarm("raised", 1), alarm("cleared", 1), id="raised and cleared"),
    pytest.param(receipt(ReceiptStage.RECEIVED), receipt(ReceiptStage.PLAYED), id="stages"),
    pytest.param(
        fact(DeviceKind.TERMINAL, "t-1", DeviceStatus(state="offline")),
        fact(DeviceKind.TERMINAL, "t-1", DeviceStatus(state="offline")),
        id="last wills have no time and always count",
    ),
]


@pytest.mark.parametrize(("first", "again"), SAME)
def test_the_same_fact_told_again_is_known(house: StoreHouse, first: Fact, again: Fact) -> None:
    with house.open() as store:
        assert take(store, first, again) == (True, False)
        assert take(store, again) == (False,)
    with house.open() as store:
        assert take(store, first) == (False,)


@pytest.mark.parametrize(("first", "other"), DIFFERENT)
def test_another_fact_is_new(house: StoreHouse, first: Fact, other: Fact) -> None:
    with house.open() as store:
        assert take(store, first, other) == (True, True)


def test_what_was_rolled_back_is_new_again(house: StoreHouse) -> None:
    facts = (live("c1", 1), noise("n1", 1, 50), receipt(ReceiptStage.PLAYED), lane(1))
    with house.open() as store:
        with pytest.raises(RuntimeError), store.transaction() as tx:
            tx.add_facts(facts)
            raise RuntimeError
        assert store.counts()["readings"] == 0
        assert take(store, *facts) == (True, True, True, True)
        assert store.counts()["readings"] == 2


def test_a_lane_that_repeats_itself_is_one_event(house: StoreHouse) -> None:
    with house.open() as store:
        take(store, *(lane(n) for n in range(60)))
    with house.open() as store:
        take(store, *(lane(n) for n in range(60, 120)), lane(120, BollardPosition.MOVING))
        assert len(store.events(kind="bollard")) == 2
        [newest] = store.latest("bollard")
        assert isinstance(newest.body, BollardState)
        assert newest.body.position is BollardPosition.MOVING
        assert newest.arrived_monotonic_s == float("-inf"), "read back, it is never fresh"


def test_a_sensor_that_invents_quantities_fills_its_bound_and_keeps_its_alarms(
    house: StoreHouse,
) -> None:
    with house.open() as store:
        for n in range(QUANTITIES_A_SENSOR + 3):
            invented = noise("smoke-1", n, 1.0, quantity=f"q{n}")
            assert take(store, invented) == (n < QUANTITIES_A_SENSOR,)
        assert take(store, alarm("raised", 1)) == (True,)
        assert store.counts()["quantity_refused"] == 3


def test_keys_are_forgotten_only_when_such_facts_are_refused_upstream(house: StoreHouse) -> None:
    with house.open() as store:
        take(store, receipt(ReceiptStage.PLAYED))
        with store.transaction() as tx:
            assert tx.forget_keys(at(24 * 3600)) == 0
            assert tx.forget_keys(at(27 * 3600)) == 1


def test_an_alarm_is_kept_as_long_as_it_is_raised(house: StoreHouse) -> None:
    with house.open() as store:
        take(store, alarm("raised", 1))
        for state, kept in (("raised", 1), ("cleared", 0)):
            take(store, alarm(state, 2))
            with store.transaction() as tx:
                tx.forget_keys(at(100 * 3600))
            assert len(store.latest("sensor")) == kept


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=st.lists(
        st.builds(
            live,
            st.sampled_from(["c1", "c2", "c3"]),
            st.integers(0, 20).map(float),
        )
        | st.builds(
            noise,
            st.sampled_from(["n1", "n2"]),
            st.integers(0, 5).map(float),
            st.just(50.0),
            st.none() | st.integers(1, 4),
        )
        | st.builds(counter, st.integers(0, 12), st.sampled_from(["b1", "b2"])),
        max_size=60,
    ),
    cut=st.integers(0, 60),
)
def test_however_facts_are_repeated_and_batched_each_is_stored_once(
    tmp_path_factory: pytest.TempPathFactory, told: list[Fact], cut: int
) -> None:
    with Store.open(tmp_path_factory.mktemp("s"), full_sync=False) as store:
        new = [*take(store, *told[:cut]), *take(store, *told[cut:])]
        assert not any(take(store, *told))
        assert store.counts()["readings"] == sum(new)
        assert sum(new) == len({_natural_key(f) for f in told})


def _natural_key(one: Fact) -> tuple[object, ...]:
    body = one.body
    if isinstance(body, CounterReading):
        return one.source, body.boot, body.seq
    return one.source, one.field_time, getattr(body, "seq", None) or 0
