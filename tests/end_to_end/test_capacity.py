"""The site's capacity at the door of a running service: its load follows what the gates count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from model.clock import SystemClock
from service.meeting_point import find
from store.people import Accounts
from tests.end_to_end.house import living, make_site
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


def test_capacity_is_told_to_who_signed_in_and_follows_the_gate(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as broker:
        loaded = make_site(tmp_path, port=broker.port)
        accounts = Accounts.open(loaded.data_folder, SystemClock())
        password = accounts.create_one_time_password("operator")
        accounts.close()
        with living(loaded, broker.address()) as (_service, field, _air):
            point = find(loaded.data_folder)
            assert point is not None
            headers = {"Origin": point.console}
            with httpx.Client(base_url=point.console, headers=headers, timeout=60) as browser:
                assert browser.get("/api/v1/capacity").status_code == 401
                who = {"person": "operator", "password": password}
                entered = browser.post("/api/v1/session", json=who)
                assert entered.status_code == 200, entered.text
                changed = browser.put(
                    "/api/v1/session/password",
                    json={"new": "a-long-enough-password-7"},
                )
                assert changed.is_success, changed.text
                wait_until(lambda: _line(browser)["sight"] == "partial", within_s=60)
                before = _line(browser)
                assert (before["people"], before["load_pct"]) == (None, None), (
                    "nobody said how many were inside before the gate began to count"
                )
                counted = browser.post("/api/v1/zones/bridge/count", json={"people": 0})
                assert counted.status_code == 200, counted.text
                field.do(lambda: field.field.set_inflow("gate", 40.0))
                wait_until(lambda: (_line(browser)["load_pct"] or 0) > 80, within_s=60)
                answer = browser.get("/api/v1/capacity")
    found = answer.json()
    bridge = found["zones"]["bridge"]
    assert (bridge["capacity"], bridge["day_capacity"]) == (400, 400 * 24 * 60 / 120)
    assert bridge["sight"] == "partial", "a gate counts who comes, and no camera sees who is there"
    assert bridge["load_pct"] == pytest.approx(100 * bridge["people"] / 400, abs=0.1)
    assert bridge["near_limit"] is True
    assert found["site"]["people"] == pytest.approx(bridge["people"], abs=0.1)
    assert found["site"]["mean_stay_source"] == "site_file"


def _line(browser: httpx.Client) -> dict[str, Any]:
    answer = browser.get("/api/v1/capacity")
    assert answer.status_code == 200, answer.text
    line: dict[str, Any] = answer.json()["zones"]["bridge"]
    return line
