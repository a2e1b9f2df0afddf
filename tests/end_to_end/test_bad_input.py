"""Everything that a hostile or broken device can say: refused by name, and nothing else disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.end_to_end.house import Air, FieldThread, Service, living, make_site
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until

House = tuple[Service, FieldThread, Air]
READING = "sensor/noise-1/reading"

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


def reading(**changes: Any) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {"at": at, "quantity": "noise", "value": 50.0, "unit": "dB(A)", "seq": 1} | changes


def stamp(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


BAD: list[tuple[str, str, dict[str, Any] | bytes]] = [
    ("not_json", READING, b"{not json"),
    ("wrong_type", READING, reading(value="loud")),
    ("not_finite", READING, b'{"at":"2026-02-12T21:30:00+08:00","quantity":"noise","value":NaN,"unit":"dB(A)"}'),
    ("out_of_bounds", "camera/cam-1/density", {"at": stamp(), "sight": "live", "count": -1, "count_low": 0, "count_high": 1, "model": "m"}),
    ("stamp_behind", READING, reading(at=stamp(days=2))),
    ("stamp_ahead", READING, reading(at=stamp(days=-2))),
    ("too_large", READING, b'{"at":"' + b"x" * 1_000_000 + b'"}'),
    ("unknown_device", "sensor/stranger/reading", reading()),
    ("duplicate_member", READING, b'{"value":1,"value":2}'),
    ("missing_field", READING, {"at": stamp(), "quantity": "noise", "unit": "dB(A)"}),
    ("blind_with_number", "camera/cam-1/density", {"at": stamp(), "sight": "blind", "reason": "black", "model": "m", "count": 0}),
]  # fmt: skip
CAMERA = (
    "[{id: cam-1, name: {zh: 桥, en: Bridge}, url: 'rtsp://127.0.0.1:9/cam-1', zones: [bridge]}]"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with running_mosquitto(folder) as broker:
        loaded = make_site(folder, port=broker.port, cameras=CAMERA)
        with living(loaded, broker.address()) as parts:
            yield parts


@pytest.mark.parametrize(("reason", "topic", "body"), BAD, ids=[case[0] for case in BAD])
def test_bad_input_is_counted_by_name_and_good_input_goes_on(
    house: House, reason: str, topic: str, body: dict[str, Any] | bytes
) -> None:
    service, _, air = house
    before, facts = service.refused(reason), service.figures()["yinding_facts_total"]
    air.say(f"{air.topics.root}/{topic}", body)
    air.say(f"{air.topics.root}/{READING}", reading(value=51.0))
    wait_until(lambda: service.refused(reason) == before + 1)
    wait_until(lambda: service.figures()["yinding_facts_total"] > facts)


def test_a_duplicate_is_counted_and_changes_nothing(house: House) -> None:
    service, _, air = house
    before = service.refused("duplicate")
    same = reading(seq=77)
    air.say(f"{air.topics.root}/{READING}", same)
    air.say(f"{air.topics.root}/{READING}", same)
    wait_until(lambda: service.refused("duplicate") == before + 1)


def test_an_alarm_among_the_noise_still_reaches_every_terminal(house: House) -> None:
    service, field, air = house
    for _, topic, body in BAD:
        air.say(f"{air.topics.root}/{topic}", body)
    field.do(lambda: field.field.set_alarm("fire-1", raised=True))
    wait_until(lambda: {e.device for e in field.did("played")} == {"t1", "t2"})
    assert service.figures()["yinding_broker_connected"] == 1.0
