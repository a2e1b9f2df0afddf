"""A camera is killed and comes back: it is blind in time, seen in time, and alone in its trouble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.faults import WELL_FOR_S
from model.cases import Case, CaseState, Change
from service.looking import look_into
from service.site import LoadedSite
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


def cases(loaded: LoadedSite, camera: str) -> list[Case]:
    """The faults of a camera that were noted, newest first."""
    with look_into(loaded) as store:
        return [
            each
            for each in store.cases()
            if (each.subject_kind, each.subject) == ("device", camera)
        ]


def is_well(loaded: LoadedSite) -> bool:
    """Whether no camera has an open fault."""
    return all(each.state is CaseState.CLOSED for name in NAMES for each in cases(loaded, name))


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
            # On a slow machine a camera may have been missed before its first reading.
            wait_until(lambda: is_well(loaded), within_s=60)
            before = {name: len(cases(loaded, name)) for name in NAMES}
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
            wait_until(lambda: is_well(loaded), within_s=WELL_FOR_S + BACK_WITHIN_S)
            noted = {name: len(cases(loaded, name)) - before[name] for name in NAMES}
            assert noted == {"east": 1, "west": 0}, "one device event, and none of its neighbour"
            with look_into(loaded) as store:
                steps = [each.change for each in store.transitions(cases(loaded, "east")[0].id)]
            assert [steps.count(each) for each in (Change.OPENED, Change.CLOSED)] == [1, 1]
        told = (tmp_path / "serve.log").read_text("utf-8").splitlines()
        for what in ("is lost", "is back"):
            said = sum(f"camera east {what}" in line for line in told)
            assert said == (0 if fault is Fault.BLACK else 1), "one log line each"
