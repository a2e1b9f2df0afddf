"""The judge of a simulated evening: it must notice what went wrong, and only that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.schema import SiteFile
from model.level import Level
from simulators.judge import Evidence, judge, stretches_above
from simulators.logbook import AirEntry, FieldEntry, TruthEntry

T0 = datetime(2026, 2, 12, 21, 30, tzinfo=UTC)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def site() -> SiteFile:
    words = {"zh": "桥", "en": "bridge"}
    return SiteFile.model_validate(
        {
            "site": {"id": "s", "name": words, "origin": {"lat": 39.9, "lon": 116.4}},
            "broker": {"embedded": True},
            "keys": {"signing_key_file": "k", "key_id": "k"},
            "zones": [
                {
                    "id": "bridge",
                    "name": words,
                    "outline": [[0, 0], [9, 0], [9, 9]],
                    "usable_area_m2": 40,
                    "m2_per_visitor": 1,
                }
            ],
            "cameras": [
                {"id": "cam", "name": words, "url": "rtsp://127.0.0.1/cam", "zones": ["bridge"]}
            ],
            "terminals": [{"id": "t1", "name": words, "zones": ["bridge"]}],
            "rules": [
                {
                    "id": "r",
                    "hazard": "crowding",
                    "signal": "peak_density",
                    "raise_at": {"red": 5.0},
                    "hold_s": 3,
                    "clear_hold_s": 5,
                    "text": words,
                }
            ],
            "plans": [
                {
                    "id": "p",
                    "hazard": "crowding",
                    "level": "red",
                    "approval": "none",
                    "text": words,
                    "cancel": words,
                }
            ],
        }
    )


def air(second: float, kind: str, name: str, leaf: str, **body: Any) -> AirEntry:
    return AirEntry(at=at(second), kind=kind, id=name, leaf=leaf, body=body)


def warning(second: float, name: str, state: str) -> AirEntry:
    return air(second, "service", name, "warning", zone="bridge", hazard="crowding", state=state)


def evening() -> tuple[list[TruthEntry], list[FieldEntry], list[AirEntry]]:
    """A run in which everything went as it should: red from 20 s to 40 s, told at 25 s."""
    truth = [
        TruthEntry(at=at(0), what="camera", id="cam", value=1),
        TruthEntry(at=at(0), what="peak_p_m2", id="cam", value=1.0, zone="bridge"),
        TruthEntry(at=at(20), what="peak_p_m2", id="cam", value=6.0, zone="bridge"),
        TruthEntry(at=at(40), what="peak_p_m2", id="cam", value=1.0, zone="bridge"),
        *(TruthEntry(at=at(s), what="people", id="cam", value=50) for s in range(61)),
    ]
    field = [
        FieldEntry(at=at(25), kind="terminal", device="t1", what=what, order="o1", warning="w1", level=Level.RED)
        for what in ("good_signature", "received", "shown", "played")
    ]  # fmt: skip
    airs = [
        air(1, "terminal", "t1", "status", state="online"),
        *(
            air(s, "camera", "cam", "density", sight="live", at=at(s).isoformat(), count=45.0)
            for s in range(1, 61, 2)
        ),
        warning(24, "w1", "open"),
        air(24.5, "terminal", "t1", "order", id="o1"),
        air(25, "terminal", "t1", "receipt", order="o1", stage="received"),
        warning(50, "w1", "closed"),
    ]
    return truth, field, airs


def verdict(truth: list[TruthEntry], field: list[FieldEntry], airs: list[AirEntry]) -> Any:
    return judge(site(), Evidence(truth, field, airs), readings_stored=30)


def test_a_good_evening_has_nothing_bad() -> None:
    found = verdict(*evening())
    assert found.bad == []
    assert [(each.zone, each.level, each.first_terminal_s) for each in found.crossings] == [
        ("bridge", Level.RED, 5.0)
    ]
    assert found.count_error == pytest.approx(0.1)
    assert found.terminals == {"sent": 1, "received": 1, "played": 1, "refused": 0}


def test_a_crossing_that_no_terminal_played_is_missed() -> None:
    truth, field, airs = evening()
    found = verdict(truth, [each for each in field if each.what != "played"], airs)
    assert found.missed == 1
    assert any("missed" in line for line in found.bad)


def test_a_terminal_that_played_another_warning_does_not_count() -> None:
    truth, _, airs = evening()
    other = [FieldEntry(at=at(25), kind="terminal", device="t1", what="played", order="x", warning="w9", level=Level.RED)]  # fmt: skip
    assert verdict(truth, other, airs).missed == 1


def test_a_crossing_shorter_than_its_hold_asks_for_nothing() -> None:
    truth, _, airs = evening()
    short = [
        each if each.at != at(40) or each.what != "peak_p_m2" else TruthEntry(at=at(22), what="peak_p_m2", id="cam", value=1.0, zone="bridge")
        for each in truth
    ]  # fmt: skip
    found = verdict(short, [], airs)
    assert found.crossings == []
    assert any("proves nothing" in line for line in found.bad)


def test_an_order_acted_on_twice_is_doubled() -> None:
    truth, field, airs = evening()
    assert verdict(truth, [*field, *field], airs).doubled == 1


def test_two_warnings_open_for_one_key_are_doubled() -> None:
    truth, field, airs = evening()
    airs.append(warning(30, "w2", "open"))
    airs.sort(key=lambda each: each.at)
    assert verdict(truth, field, airs).doubled == 1


def test_an_order_without_a_receipt_is_silent() -> None:
    truth, field, airs = evening()
    found = verdict(truth, field, [each for each in airs if each.leaf != "receipt"])
    assert found.silent == ["terminal t1: no receipt"]


def test_a_camera_that_stops_while_it_should_work_is_silent() -> None:
    truth, field, airs = evening()
    cut = [each for each in airs if each.leaf != "density" or each.at < at(30)]
    assert any("camera cam" in line for line in verdict(truth, field, cut).silent)


def test_a_camera_that_fails_by_the_script_is_not_silent() -> None:
    truth, field, airs = evening()
    truth.append(TruthEntry(at=at(30), what="camera", id="cam", value=0))
    truth.sort(key=lambda each: each.at)
    cut = [each for each in airs if each.leaf != "density" or each.at < at(30)]
    assert verdict(truth, field, cut).silent == []


def test_counting_over_a_quarter_wrong_is_bad() -> None:
    truth, field, airs = evening()
    far = [
        TruthEntry(at=each.at, what="people", id="cam", value=90) if each.what == "people" else each
        for each in truth
    ]
    assert any("off the truth" in line for line in verdict(far, field, airs).bad)


def test_a_dip_shorter_than_the_clear_hold_is_one_crossing() -> None:
    steps = [(at(0), 6.0), (at(10), 4.0), (at(12), 6.0), (at(30), 0.0)]
    found = stretches_above(steps, 5.0, at(60), clear_below=0.5, clear_hold_s=5)
    assert [(each.start, each.end) for each in found] == [(at(0), at(30))]
