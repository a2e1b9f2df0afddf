"""Cases, orders, snapshots and the audit: written with their facts, read by everyone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from model.cases import CaseState, Change
from model.facts import CounterReading, DeviceKind, ReceiptStage, TerminalReceipt
from model.orders import OrderState
from model.text import Bilingual
from store.database import open_writer
from store.embedded import FILE_NAME, Store
from store.errors import BrokenRuleError
from store.records import ROWS_AT_MOST
from store.tables import MIGRATIONS
from tests.store.conftest import StoreHouse
from tests.store.words import at, blind, case, fact, live, noise, order, transition


def test_a_case_is_kept_with_its_history(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            tx.save_case(case(), [transition()])
        with store.transaction() as tx:
            closed = case(state=CaseState.CLOSED, serial=2)
            tx.save_case(closed, [transition(serial=2, s=9)])
    with house.open() as store:
        assert store.case("c-1") == closed
        assert store.transitions("c-1") == [transition(), transition(serial=2, s=9)]
        assert store.cases(open_only=True) == []
        assert store.case("c-9") is None
        assert store.counts()["warning_case"] == 1


def test_what_happened_in_the_zones_since_a_time_comes_in_its_order(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            for n in range(ROWS_AT_MOST + 2):
                one = case(f"c-{n}", zone=f"z-{n}", s=n)
                tx.save_case(one, [transition(one.id, s=n - 5), transition(one.id, 2, s=n)])
            device = msgspec.structs.replace(
                case("d-1", zone="cam", s=9_000), subject_kind="device"
            )
            tx.save_case(device, [transition("d-1", s=9_000)])
        found = store.zone_steps(at(ROWS_AT_MOST))
        assert [(of.id, step.serial) for of, step in found] == [
            (f"c-{ROWS_AT_MOST}", 2),
            (f"c-{ROWS_AT_MOST + 1}", 2),
        ]
        assert len(store.zone_steps(at(0))) == 2 * (ROWS_AT_MOST + 2) - 5


def test_cases_come_newest_first_in_pages(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            for n in range(7):
                tx.save_case(case(f"c-{n}", zone=f"z-{n}", s=n // 2))
        first = store.cases(limit=3)
        second = store.cases(limit=3, before=first[-1].id)
        third = store.cases(limit=3, before=second[-1].id)
        ids = [c.id for c in (*first, *second, *third)]
    assert ids == ["c-6", "c-5", "c-4", "c-3", "c-2", "c-1", "c-0"]


def test_a_second_open_case_of_one_hazard_in_one_zone_is_impossible(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            tx.save_case(case("c-1"))
        with pytest.raises(BrokenRuleError), store.transaction() as tx:
            tx.add_facts([live("cam", 1)])
            tx.save_case(case("c-2"))
        assert store.counts()["readings"] == 0, "nothing of the step was kept"
        with store.transaction() as tx:
            tx.save_case(case("c-1", state=CaseState.CLOSED))
            tx.save_case(case("c-2"))
        assert [c.id for c in store.cases(open_only=True)] == ["c-2"]


def test_a_step_of_a_case_is_never_rewritten(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            tx.save_case(case(), [transition()])
        with pytest.raises(BrokenRuleError), store.transaction() as tx:
            tx.save_case(case(), [transition(s=5)])


def test_orders_are_found_by_case_by_device_and_while_unfinished(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            tx.save_order(order("o-1", 1))
            tx.save_order(order("o-2", 2, device="t-2"))
        with store.transaction() as tx:
            tx.save_order(order("o-1", 1, state=OrderState.CONFIRMED))
        assert [o.id for o in store.orders(unfinished=True)] == ["o-2"]
        assert [o.id for o in store.orders(case="c-1")] == ["o-2", "o-1"]
        [done] = store.orders(device="t-1")
        assert done == order("o-1", 1, state=OrderState.CONFIRMED)
        assert store.counts()["device_order"] == 2


def test_one_device_never_gets_one_counter_twice(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            tx.save_order(order("o-1", 7))
        with pytest.raises(BrokenRuleError), store.transaction() as tx:
            tx.save_order(order("o-2", 7))


def test_the_order_counter_only_grows(house: StoreHouse) -> None:
    with house.open() as store:
        with store.transaction() as tx:
            assert tx.last_counter() == 0
            tx.set_last_counter(1_771_354_800_000)
        with store.transaction() as tx:
            assert tx.last_counter() == 1_771_354_800_000
            with pytest.raises(ValueError, match="below"):
                tx.set_last_counter(5)


def test_a_snapshot_is_the_last_one_saved(house: StoreHouse) -> None:
    with house.open() as store:
        assert store.state("alerts") is None
        for body in (b"one", b"two"):
            with store.transaction() as tx:
                tx.save_state("alerts", body)
    with house.open() as store:
        assert store.state("alerts") == b"two"


def test_events_and_the_latest_of_each_device_are_facts_again(house: StoreHouse) -> None:
    receipt = fact(
        DeviceKind.TERMINAL,
        "t-1",
        TerminalReceipt(order="o-1", stage=ReceiptStage.REFUSED, at=at(1), reason="stale"),
        s=2,
    )
    with house.open() as store:
        with store.transaction() as tx:
            tx.add_facts([receipt, live("cam", 1, count=5), live("cam", 3, count=6)])
        [event] = store.events(kind="terminal")
        assert (event.body, event.arrived, event.kind) == (receipt.body, at(2), "terminal")
        [newest] = store.latest(DeviceKind.CAMERA)
        assert newest.body == live("cam", 3, count=6).body
        assert store.latest("terminal") == []


def test_the_newest_reading_of_every_device_is_a_fact_again(house: StoreHouse) -> None:
    counted = CounterReading(at=at(2), boot="b2", seq=1, in_total=3, out_total=1)
    before = CounterReading(at=at(1), boot="b9", seq=70, in_total=900, out_total=800)
    told = [
        live("cam-1", 1),
        live("cam-1", 2, count=7, density=0.25),
        live("cam-2", 1),
        blind("cam-2", 2, "frozen"),
        fact(DeviceKind.COUNTER, "gate", before),
        fact(DeviceKind.COUNTER, "gate", counted),
        noise("n-1", 1, 50, seq=4),
        noise("n-1", 1, 51, seq=5),
        noise("n-1", 1, 0.2, quantity="wind"),
    ]
    with house.open() as store:
        with store.transaction() as tx:
            tx.add_facts(told)
        cameras = {each.source: each.body for each in store.latest("camera")}
        assert cameras == {"cam-1": told[1].body, "cam-2": told[3].body}
        assert [each.body for each in store.latest("counter")] == [counted]
        assert [each.body for each in store.latest("sensor")] == [told[7].body, told[8].body]


def test_the_audit_is_whole_and_append_only(house: StoreHouse) -> None:
    with house.open() as store:
        for n in range(3):
            with store.transaction() as tx:
                tx.add_audit(at=at(n), actor="li", act="look", subject="cam-1", detail={"n": n})
        check = store.audit_verify()
        assert (check.records, check.broken_at) == (3, None)
        for statement in ("DELETE FROM audit", "UPDATE audit SET record = hash"):
            with pytest.raises(BrokenRuleError, match="append-only"), store.transaction() as tx:
                tx._db.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "broken_at", "why"),
    [
        ("UPDATE audit SET record = replace(record, 'li', 'wu') WHERE serial = 2", 2, "changed"),
        ("DELETE FROM audit WHERE serial = 2", 3, "record 2 is missing"),
        ("DELETE FROM audit WHERE serial = 1", 2, "record 1 is missing"),
    ],
)
def test_tampering_with_the_audit_is_found(
    tmp_path: Path, tampering: str, broken_at: int, why: str
) -> None:
    with Store.open(tmp_path) as store:
        for n in range(3):
            with store.transaction() as tx:
                tx.add_audit(at=at(n), actor="li", act="look", subject="cam-1")
    db = sqlite3.connect(tmp_path / FILE_NAME)
    db.execute("DROP TRIGGER audit_is_not_changed")
    db.execute("DROP TRIGGER audit_is_not_deleted")
    db.execute(tampering)
    db.commit()
    db.close()
    with Store.open(tmp_path) as store:
        check = store.audit_verify()
    assert check.broken_at == broken_at
    assert why in str(check.why)


def test_a_history_from_before_details_were_in_two_languages_is_still_read(tmp_path: Path) -> None:
    steps = {
        1: {"detail": "peak 5.3 ≥ 5 p/m² for 20 s"},
        2: {
            "detail": "plan r waits for 2 different people",
            "change": "commented",
            "reason": "plan_of_the_level",
        },
        3: {"detail": ""},
    }
    with closing(
        open_writer(tmp_path / FILE_NAME, full_sync=False, migrations=MIGRATIONS[:1])
    ) as db:
        for serial, older in steps.items():
            body = msgspec.to_builtins(transition(serial=serial)) | older
            row = ("c-1", serial, msgspec.json.encode(body))
            db.execute("INSERT INTO transition VALUES (?, ?, ?)", row)
    with Store.open(tmp_path, full_sync=False) as store:
        opened, waits, quiet = store.transitions("c-1")
    assert opened.detail == Bilingual(zh=steps[1]["detail"], en=steps[1]["detail"])
    assert waits.change is Change.PLAN_WAITING
    assert quiet.detail is None
