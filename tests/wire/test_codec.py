"""Decoding: what the field says becomes facts; what cannot be true is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.facts import (
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    DeviceStatus,
    Fact,
    SensorAlarm,
    SensorReading,
)
from model.level import Level, Sight
from model.zones import ZoneState
from wire.codec import MAX_WORKERS, Decoder, encode
from wire.refusals import Cleared, Refusal, RefusalReason
from wire.topics import TOPIC_TABLE, Topics

NOW = datetime(2026, 2, 14, 19, 30, tzinfo=timezone(timedelta(hours=8)))
STAMP = NOW.isoformat()
MONO = 5000.0
ROOT = "yinding/v1/shichahai"
KNOWN = {
    DeviceKind.CAMERA: {"c1"},
    DeviceKind.COUNTER: {"g1"},
    DeviceKind.SENSOR: {"s1"},
    DeviceKind.TERMINAL: {"t1"},
    DeviceKind.BOLLARD: {"b1"},
}
LIVE = {"at": STAMP, "sight": "live", "count": 12.5, "count_low": 9, "count_high": 16, "model": "m"}
BLIND = {"at": STAMP, "sight": "blind", "reason": "black", "model": "m"}
COUNT = {"at": STAMP, "boot": "b7", "seq": 4, "in_total": 120, "out_total": 80}
READING = {"at": STAMP, "quantity": "noise", "value": 61.5, "unit": "dB(A)"}
ALARM = {"id": "a1", "at": STAMP, "hazard": "fire", "state": "raised"}
STATE = {"at": STAMP, "seq": 9, "position": "down", "loop": "clear", "loop_age_ms": 40}


def decoder() -> Decoder:
    return Decoder(Topics("shichahai"), KNOWN)


def decode(leaf: str, payload: object, *, retained: bool = False) -> Fact | Refusal | Cleared:
    raw = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return decoder().decode(f"{ROOT}/{leaf}", raw, retained=retained, arrived=NOW, mono=MONO)


def reason_of(leaf: str, payload: object, *, retained: bool = False) -> tuple[str, str]:
    refusal = decode(leaf, payload, retained=retained)
    assert isinstance(refusal, Refusal), refusal
    return refusal.reason.value, refusal.where


@pytest.mark.parametrize(
    ("leaf", "payload", "body"),
    [
        ("camera/c1/density", LIVE, DensityLive),
        ("camera/c1/density", BLIND, DensityBlind),
        ("counter/g1/count", COUNT, CounterReading),
        ("sensor/s1/reading", READING, SensorReading),
        ("sensor/s1/alarm", ALARM, SensorAlarm),
        ("bollard/b1/state", STATE, BollardState),
        ("terminal/t1/status", {"state": "online", "at": STAMP}, DeviceStatus),
        ("worker/w9/status", {"state": "online", "at": STAMP, "capacity": 40}, DeviceStatus),
    ],
)
def test_what_the_field_says_becomes_a_fact(leaf: str, payload: object, body: type) -> None:
    fact = decode(leaf, payload)
    assert isinstance(fact, Fact), fact
    assert type(fact.body) is body
    assert fact.field_time == NOW
    assert (fact.kind, fact.source) == (
        DeviceKind(leaf.split("/", maxsplit=1)[0]),
        leaf.split("/")[1],
    )
    assert (fact.arrived, fact.arrived_monotonic_s) == (NOW, MONO)


@pytest.mark.parametrize(
    ("leaf", "payload", "reason", "where"),
    [
        ("counter/g1/count", COUNT | {"in_total": -1}, "out_of_bounds", "$.in_total"),
        ("counter/g1/count", COUNT | {"in_total": "7"}, "wrong_type", "$.in_total"),
        ("counter/g1/count", COUNT | {"in_total": 7.5}, "wrong_type", "$.in_total"),
        ("counter/g1/count", COUNT | {"in_total": None}, "wrong_type", "$.in_total"),
        ("counter/g1/count", COUNT | {"in_total": 2**53}, "out_of_bounds", "$.in_total"),
        ("counter/g1/count", COUNT | {"boot": "b" * 65}, "out_of_bounds", "$.boot"),
        ("counter/g1/count", COUNT | {"at": "yesterday"}, "wrong_type", "$.at"),
        ("counter/g1/count", COUNT | {"at": "2026-02-14T19:30:00"}, "wrong_type", "$.at"),
        ("counter/g1/count", {"at": STAMP}, "missing_field", "$.boot"),
        ("counter/g1/count", [1, 2], "wrong_type", "$"),
        ("counter/g1/count", b"12", "wrong_type", "$"),
        ("counter/g1/count", b"{", "not_json", ""),
        ("counter/g1/count", b"\xff\xfe{}", "not_json", ""),
        ("counter/g1/count", b'{"boot":"\\ud800"}', "not_json", ""),
        ("counter/g1/count", b"[" * 60_000, "not_json", ""),
        ("counter/g1/count", b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "not_json", ""),
        ("counter/g1/count", b" " * 65_537, "too_large", ""),
        ("counter/g1/count", b"x" * 1_000_000, "too_large", ""),
        ("counter/g1/count", b'{"seq":1,"seq":2}', "duplicate_member", "$..seq"),
        ("counter/g1/count", b'{"x":{"seq":1,"seq":2}}', "duplicate_member", "$..seq"),
        ("sensor/s1/reading", b'{"value":NaN}', "not_finite", ""),
        ("sensor/s1/reading", b'{"value":-Infinity}', "not_finite", ""),
        ("sensor/s1/alarm", ALARM | {"id": "A 1"}, "bad_id", "$.id"),
        ("sensor/s1/alarm", ALARM | {"state": "perhaps"}, "out_of_bounds", "$.state"),
        *(
            ("sensor/s1/alarm", ALARM | {"raised_at": stamp}, "out_of_bounds", "$.raised_at")
            for stamp in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
        ),
        ("camera/c1/density", LIVE | {"sight": "dim"}, "out_of_bounds", "$.sight"),
        ("camera/c1/density", LIVE | {"count_low": 17}, "out_of_bounds", "$.count_low"),
        ("camera/c1/density", LIVE | {"count": -1}, "out_of_bounds", "$.count"),
        ("camera/c1/density", BLIND | {"count": 0}, "blind_with_number", "$.count"),
        ("camera/c1/density", BLIND | {"people": 0.0}, "blind_with_number", "$.people"),
        ("camera/c2/density", LIVE, "unknown_device", ""),
        ("sensor/c1/reading", READING, "unknown_device", ""),
        ("camera/C1/density", LIVE, "bad_id", ""),
        ("camera/c1/picture", LIVE, "unknown_topic", ""),
        ("terminal/t1/order", {"id": "o1"}, "unknown_topic", ""),
        ("zone/z1/state", {"at": STAMP}, "unknown_topic", ""),
    ],
)
def test_bad_input_is_refused_by_name(leaf: str, payload: object, reason: str, where: str) -> None:
    assert reason_of(leaf, payload) == (reason, where)


@pytest.mark.parametrize(
    ("off", "reason"),
    [
        (timedelta(seconds=60), None),
        (timedelta(seconds=61), "stamp_ahead"),
        (timedelta(days=2), "stamp_ahead"),
        (-timedelta(hours=24), None),
        (-timedelta(hours=24, seconds=1), "stamp_behind"),
        (-timedelta(days=2), "stamp_behind"),
    ],
)
def test_a_stamp_must_be_near_its_arrival(off: timedelta, reason: str | None) -> None:
    message = READING | {"at": (NOW + off).isoformat()}
    result = decode("sensor/s1/reading", message)
    assert (result.reason.value if isinstance(result, Refusal) else None) == reason


def test_a_kept_status_or_alarm_may_be_old_since_it_is_still_true() -> None:
    old = (NOW - timedelta(days=40)).isoformat()
    status = {"state": "online", "at": old}
    assert isinstance(decode("sensor/s1/status", status, retained=True), Fact)
    assert isinstance(decode("sensor/s1/alarm", ALARM | {"at": old}, retained=True), Fact)
    assert reason_of("sensor/s1/status", status)[0] == "stamp_behind"
    unset = {"state": "online", "at": "1970-01-01T00:00:09Z"}
    assert reason_of("sensor/s1/status", unset, retained=True)[0] == "stamp_behind"
    ancient = {"state": "online", "at": "0001-01-01T00:00:00+14:00"}
    assert reason_of("sensor/s1/status", ancient, retained=True)[0] == "stamp_behind"


def test_a_kept_bollard_state_never_passes_for_a_fresh_one() -> None:
    fact = decode("bollard/b1/state", STATE, retained=True)
    assert isinstance(fact, Fact)
    assert fact.arrived_monotonic_s <= MONO - 3600


def test_a_last_will_has_no_time_of_its_own_and_its_arrival_counts() -> None:
    fact = decode("camera/c1/status", {"state": "offline"})
    assert isinstance(fact, Fact)
    assert fact.field_time == NOW


@pytest.mark.parametrize("leaf", ["camera/c1/status", "zone/z1/state", "warning/w1", "nonsense"])
def test_an_empty_message_clears_and_is_never_malformed(leaf: str) -> None:
    assert decode(leaf, b"", retained=True) == Cleared(topic=f"{ROOT}/{leaf}")
    assert decode(leaf, b"") == Cleared(topic=f"{ROOT}/{leaf}")


def test_unknown_members_are_tolerated_and_counted_within_bounds() -> None:
    reader = decoder()
    for number in range(1000):
        payload = msgspec.json.encode(READING | {f"extra_{number}": {"deep": [1]}, "battery": 3})
        topic = f"{ROOT}/sensor/s1/reading"
        result = reader.decode(topic, payload, retained=False, arrived=NOW, mono=MONO)
        assert isinstance(result, Fact)
    counts = reader.unknown_fields.snapshot()
    assert counts["sensor/reading.battery"] == 1000
    assert len(counts) <= 257
    assert sum(counts.values()) == 2000


def test_workers_need_no_entry_in_the_site_file_but_are_bounded() -> None:
    reader = decoder()
    payload = msgspec.json.encode({"state": "online"})

    def status(number: int) -> object:
        topic = f"{ROOT}/worker/w{number}/status"
        return reader.decode(topic, payload, retained=True, arrived=NOW, mono=MONO)

    assert all(isinstance(status(number), Fact) for number in range(MAX_WORKERS))
    refused = status(MAX_WORKERS)
    assert isinstance(refused, Refusal)
    assert refused.reason is RefusalReason.UNKNOWN_DEVICE
    assert isinstance(status(0), Fact)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
LEAVES = st.sampled_from([row.pattern for row in TOPIC_TABLE])
DEVICES = st.sampled_from(["c1", "g1", "s1", "t1", "b1", "w1", "nobody", "A"])


@settings(max_examples=150, deadline=None)
@given(leaf=LEAVES, device=DEVICES, payload=st.binary(max_size=300), retained=st.booleans())
def test_any_bytes_are_decoded_or_refused_without_an_error(
    leaf: str, device: str, payload: bytes, retained: bool
) -> None:
    decode(leaf.replace("{id}", device), payload, retained=retained)


@settings(max_examples=200, deadline=None)
@given(
    case=st.sampled_from(
        [
            ("camera/c1/density", LIVE),
            ("camera/c1/density", BLIND),
            ("counter/g1/count", COUNT),
            ("sensor/s1/reading", READING),
            ("sensor/s1/alarm", ALARM),
            ("bollard/b1/state", STATE),
        ]
    ),
    data=st.data(),
    value=JSON,
)
def test_a_message_with_any_one_member_replaced_is_decoded_or_refused_with_its_path(
    case: tuple[str, dict[str, object]], data: st.DataObject, value: object
) -> None:
    leaf, message = case
    member = data.draw(st.sampled_from(sorted(message)))
    result = decode(leaf, message | {member: value})
    if isinstance(result, Refusal) and result.reason not in {
        RefusalReason.NOT_JSON,
        RefusalReason.BLIND_WITH_NUMBER,
    }:
        assert result.where.startswith("$")
    msgspec.json.encode(result)


def test_published_stamps_carry_a_numeric_offset_and_absent_members_are_left_out() -> None:
    live = DensityLive(at=NOW, count=1.5, count_low=1, count_high=2, model="m")
    assert msgspec.json.decode(encode(live, tz=NOW.tzinfo or UTC)) == {
        "sight": "live",
        "at": "2026-02-14T19:30:00.000+08:00",
        "count": 1.5,
        "count_low": 1,
        "count_high": 2,
        "model": "m",
    }
    assert b"+00:00" in encode(live)
    assert b"Z" not in encode(live)


def test_a_zone_in_calm_says_so_with_a_null() -> None:
    calm = ZoneState(at=NOW, sight=Sight.LIVE, level=None, capacity=100, forecast=[])
    assert msgspec.json.decode(encode(calm)) == {
        "at": "2026-02-14T11:30:00.000+00:00",
        "sight": "live",
        "level": None,
        "capacity": 100,
        "forecast": [],
    }
    red = ZoneState(at=NOW, sight=Sight.LIVE, level=Level.RED, capacity=100, forecast=[])
    assert msgspec.json.decode(encode(red))["level"] == "red"


def test_a_number_that_is_not_finite_is_never_published() -> None:
    reading = SensorReading(at=NOW, quantity="noise", value=float("nan"), unit="dB(A)")
    with pytest.raises(ValueError, match="not finite"):
        encode(reading)


@given(value=st.floats(-1e9, 1e9), age_ms=st.integers(0, 86_400_000))
def test_what_is_encoded_is_decoded_again_to_the_millisecond(value: float, age_ms: int) -> None:
    at = NOW - timedelta(milliseconds=age_ms)
    reading = SensorReading(at=at, quantity="wind", value=value, unit="m/s", seq=1)
    fact = decode("sensor/s1/reading", encode(reading, tz=timezone(timedelta(hours=8))))
    assert isinstance(fact, Fact)
    assert fact.body == reading
