"""A camera is killed and comes back: it is blind in time, seen in time, and alone in its trouble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulators.rtsp.feed import Fault
from tests.end_to_end.house import Air, living, make_site
from tests.end_to_end.street import street_of
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

# Alone, since it holds the product to its own times: blind in 10 s, back in 15 s.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(180),
]
NAMES = ("east", "west")
BLIND_WITHIN_S = 10.0
BACK_WITHIN_S = 15.0


def sight(air: Air, camera: str) -> dict[str, Any]:
    return air.last(f"/camera/{camera}/density") or {}


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.STALL, Fault.BLACK])
def test_a_broken_camera_is_blind_and_seen_again_and_alone_in_that(
    tmp_path: Path, fault: Fault
) -> None:
    with running_mosquitto(tmp_path) as broker, street_of(*NAMES) as street:
        loaded = make_site(tmp_path, port=broker.port, cameras=street.listed(tmp_path))
        with living(loaded, broker.address(), workers=1) as (_, _, air):
            wait_until(
                lambda: all(sight(air, n).get("sight") == "live" for n in NAMES), within_s=90
            )
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "live")
            street.break_camera("east", fault)
            wait_until(lambda: sight(air, "east").get("sight") == "blind", within_s=BLIND_WITHIN_S)
            blind = sight(air, "east")
            assert "count" not in blind
            assert blind["reason"]
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "partial")
            street.break_camera("east", Fault.NONE)
            wait_until(lambda: sight(air, "east").get("sight") == "live", within_s=BACK_WITHIN_S)
            wait_until(lambda: (air.last("/zone/bridge/state") or {}).get("sight") == "live")
            west = [each["sight"] for each in air.heard("/camera/west/density")]
            assert "blind" not in west[west.index("live") :], "the other camera did not notice"
        told = (tmp_path / "serve.log").read_text("utf-8").splitlines()
        for what in ("is lost", "is back"):
            said = sum(f"camera east {what}" in line for line in told)
            assert said == (0 if fault is Fault.BLACK else 1), "one log line each"
