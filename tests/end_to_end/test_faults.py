"""Power cuts, lost brokers and killed processes: a warning is neither lost nor told twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from store.embedded import Store
from tests.end_to_end.house import FieldThread, living, make_site
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]


def _grew(field: FieldThread, what: str, least: int) -> bool:
    return len(field.did(what)) >= least


def shown_once(field: FieldThread) -> bool:
    acts = Counter((entry.device, entry.order) for entry in field.did("shown"))
    return bool(acts) and max(acts.values()) == 1


def test_a_red_warning_survives_a_power_cut_and_is_not_told_twice(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path, persistent=True) as broker:
        loaded = make_site(tmp_path, port=broker.port)
        with living(loaded, broker.address()) as (service, field, air):
            field.do(lambda: field.field.set_alarm("fire-1", raised=True))
            wait_until(lambda: len(field.did("played")) == 2)
            wait_until(lambda: air.last("/warning/") is not None)
            warning = air.last("/warning/")
            assert warning is not None
            told = len(field.did("shown"))
            service.kill()
            service.start()
            wait_until(lambda: (air.last("/service/") or {}).get("state") == "online")
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("level") == "red")
            again = air.last("/warning/")
            assert again is not None
            assert (again["id"], again["state"]) == (warning["id"], "open")
            assert again["opened"] == warning["opened"]
            field.do(lambda: field.field.set_alarm("fire-1", raised=False))
            wait_until(lambda: len(field.did("cancelled")) == 2)
            assert len(field.did("shown")) == told
            assert shown_once(field)
            wait_until(lambda: (air.last("/warning/") or {}).get("state") == "closed")
            closed = air.last("/warning/")
            assert closed is not None
            assert closed["id"] == warning["id"]


def test_killed_between_decision_and_receipt_every_terminal_acts_once(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path, persistent=True) as broker:
        loaded = make_site(tmp_path, port=broker.port)
        with living(loaded, broker.address()) as (service, field, _air):
            for _ in range(3):
                played = len(field.did("played"))
                field.do(lambda: field.field.set_alarm("fire-1", raised=True))
                wait_until(lambda: len(field.did("good_signature")) > 0)
                service.kill()
                service.start()
                wait_until(partial(_grew, field, "played", played + 2))
                cancelled = len(field.did("cancelled"))
                field.do(lambda: field.field.set_alarm("fire-1", raised=False))
                wait_until(partial(_grew, field, "cancelled", cancelled + 2))
            assert shown_once(field)


@pytest.mark.slow
def test_a_broker_gone_for_half_a_minute_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path, persistent=True) as broker:
        loaded = make_site(tmp_path, port=broker.port)
        with living(loaded, broker.address()) as (service, field, air):
            topic = f"{air.topics.root}/sensor/noise-1/reading"
            for seq in range(200):
                at = datetime.now(UTC).isoformat()
                air.say(topic, {"at": at, "quantity": "noise", "value": 50, "unit": "dB(A)", "seq": 10_000 + seq})  # fmt: skip
            acknowledged = service.figures()["yinding_acknowledged_total"]
            broker.stop()
            wait_until(lambda: service.figures().get("yinding_broker_connected") == 0.0)
            gone = datetime.now(UTC)
            field.do(lambda: field.field.set_alarm("fire-1", raised=True))
            wait_until(lambda: (datetime.now(UTC) - gone).total_seconds() > 30, within_s=60)
            broker.start()
            wait_until(lambda: service.figures().get("yinding_broker_connected") == 1.0)
            wait_until(lambda: {e.device for e in field.did("played")} == {"t1", "t2"})
            assert shown_once(field)
            figures = service.figures()
            assert figures["yinding_facts_total"] >= acknowledged
            assert service.stop() == 0
            with_all = _readings(loaded.data_folder)
            assert with_all >= 200


def _readings(folder: Path) -> int:
    with Store.open(folder) as store:
        return store.counts()["sensor_reading"]
