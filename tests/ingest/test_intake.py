"""The intake: facts in order, everything else refused by name, and nobody starves anybody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.field_time import FieldTime
from ingest.intake import Arrival, Intake, Pace
from model.clock import ManualClock
from model.facts import CounterReading, DeviceKind, SensorAlarm, SensorReading
from wire.codec import Decoder, encode
from wire.inbox import AckToken
from wire.refusals import RefusalReason
from wire.topics import Topics

NOW = datetime(2026, 2, 14, 11, 30, tzinfo=UTC)
TOPICS = Topics("shichahai")
KNOWN = {DeviceKind.COUNTER: {"g1"}, DeviceKind.SENSOR: {"s1", "s2"}}


class Line:
    """A line that gives what it was given and remembers what was acknowledged."""

    def __init__(self) -> None:
        self.waiting: list[Arrival] = []
        self.acked: list[AckToken] = []

    def take(self, max_n: int, timeout_s: float) -> list[Arrival]:
        assert timeout_s >= 0
        taken, self.waiting = self.waiting[:max_n], self.waiting[max_n:]
        return taken

    def ack(self, tokens: Iterable[AckToken]) -> None:
        self.acked.extend(tokens)


class Scene:
    """An intake on a line, with a clock that the test moves."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.line = Line()
        self.clock = ManualClock(NOW)
        decoder = Decoder(TOPICS, KNOWN)
        self.intake = Intake(self.line, decoder, clock=self.clock, pace=pace)
        self._mid = 0

    def arrives(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        self._mid += 1
        self.line.waiting.append(
            Arrival(
                topic,
                payload,
                retained,
                AckToken(1, self._mid, 1),
                self.clock.now(),
                self.clock.monotonic(),
            )
        )


def reading(value: float = 55.0, **changes: object) -> bytes:
    whole = SensorReading(at=NOW, quantity="noise", value=value, unit="dB(A)")
    return msgspec.json.encode(msgspec.json.decode(encode(whole)) | changes)


def test_facts_come_out_in_order_and_everything_is_acknowledged() -> None:
    scene = Scene()
    count = CounterReading(at=NOW, boot="b1", seq=1, in_total=9, out_total=4)
    scene.arrives(TOPICS.reading("s1"), reading(50.0))
    scene.arrives(TOPICS.reading("nobody"), reading(51.0))
    scene.arrives(TOPICS.count("g1"), encode(count))
    scene.arrives(TOPICS.status(DeviceKind.SENSOR, "s1"), b"")
    arrivals = scene.intake.next_batch(100, 0.2)
    facts = scene.intake.decode(arrivals)
    assert [fact.source for fact in facts] == ["s1", "g1"]
    assert facts[1].body == count
    assert scene.line.acked == []
    scene.intake.acknowledge(arrivals)
    assert [token.mid for token in scene.line.acked] == [1, 2, 3, 4]
    assert (scene.intake.facts, scene.intake.cleared) == (2, 1)


def test_each_kind_of_bad_input_is_counted_by_name_and_disturbs_nothing() -> None:
    scene = Scene()
    topic = TOPICS.reading("s1")
    old = (NOW - timedelta(days=2)).isoformat()
    ahead = (NOW + timedelta(days=2)).isoformat()
    bad = [
        (topic, b"{"),
        (topic, reading(quantity=5)),
        (topic, b'{"value":NaN}'),
        (TOPICS.count("g1"), b'{"at":"2026-02-14T11:30:00Z","boot":"b","seq":1,"in_total":-1}'),
        (topic, reading(at=old)),
        (topic, reading(at=ahead)),
        (topic, b"x" * 65_537),
        (TOPICS.reading("nobody"), reading()),
        (topic, b'{"value":1,"value":2}'),
        ("somewhere/else", reading()),
    ]
    for topic_of, payload in bad:
        scene.arrives(topic_of, payload)
        scene.arrives(topic, reading())
    facts = scene.intake.decode(scene.intake.next_batch(100, 0))
    assert len(facts) == len(bad)
    assert scene.intake.refused_counts() == {
        "not_json": 1,
        "wrong_type": 1,
        "not_finite": 1,
        "out_of_bounds": 1,
        "stamp_behind": 1,
        "stamp_ahead": 1,
        "too_large": 1,
        "unknown_device": 1,
        "duplicate_member": 1,
        "unknown_topic": 1,
    }
    assert scene.intake.refused_counts() == {}
    assert scene.intake.refused_by_reason.total() == len(bad)
    assert scene.intake.refused_by_source.snapshot() == {
        "sensor/s1": 7,
        "counter/g1": 1,
        "unknown": 2,
    }


def test_what_was_set_aside_can_be_looked_at_and_stays_bounded() -> None:
    scene = Scene()
    scene.arrives(TOPICS.reading("s1"), b"\x00\xff" + "银锭桥".encode() + b"x" * 5000)
    scene.intake.decode(scene.intake.next_batch(1, 0))
    (kept,) = scene.intake.set_aside()
    assert (kept.reason, kept.source) == (RefusalReason.NOT_JSON, "sensor/s1")
    assert "银锭桥" in kept.head
    assert len(kept.head) <= 200
    assert kept.head.isprintable()
    for _ in range(1000):
        scene.arrives(TOPICS.reading("s1"), b"{")
    scene.intake.decode(scene.intake.next_batch(1000, 0))
    assert len(scene.intake.set_aside()) == 200
    msgspec.json.encode(scene.intake.set_aside())


def test_a_device_that_babbles_is_held_back_and_the_others_are_heard() -> None:
    scene = Scene(Pace(rate_per_s=10, burst=20))
    for _ in range(500):
        scene.arrives(TOPICS.reading("s1"), reading())
    scene.arrives(TOPICS.reading("s2"), reading())
    facts = scene.intake.decode(scene.intake.next_batch(1000, 0))
    assert [fact.source for fact in facts] == ["s1"] * 20 + ["s2"]
    assert scene.intake.refused_counts() == {"too_fast": 480}
    scene.clock.advance(1)
    for _ in range(30):
        scene.arrives(TOPICS.reading("s1"), reading())
    assert len(scene.intake.decode(scene.intake.next_batch(1000, 0))) == 10


def test_strangers_share_one_allowance_and_cannot_grow_the_books() -> None:
    scene = Scene(Pace(rate_per_s=10, burst=20))
    for number in range(3000):
        scene.arrives(TOPICS.reading(f"stranger-{number}"), reading())
    scene.intake.decode(scene.intake.next_batch(5000, 0))
    assert scene.intake.refused_counts() == {"unknown_device": 20, "too_fast": 2980}
    assert scene.intake.refused_by_source.snapshot() == {"unknown": 3000}


def test_an_honest_backlog_of_an_hour_is_taken_in_at_once() -> None:
    scene = Scene()
    for second in range(3600):
        at = (NOW - timedelta(seconds=3600 - second)).isoformat()
        scene.arrives(TOPICS.reading("s1"), reading(at=at))
    assert len(scene.intake.decode(scene.intake.next_batch(5000, 0))) == 3600


def test_a_service_whose_clock_is_an_hour_slow_loses_nothing_that_came_with_the_proof() -> None:
    line, machine = Line(), ManualClock(NOW - timedelta(hours=1))
    clock = FieldTime(machine)
    intake = Intake(line, Decoder(TOPICS, KNOWN), clock=clock, field_time=clock)
    count = CounterReading(at=NOW, boot="b1", seq=1, in_total=9, out_total=4)
    said = [
        (TOPICS.reading("s1"), reading()),
        (TOPICS.reading("s2"), reading()),
        (TOPICS.count("g1"), encode(count)),
    ]
    batch = [
        Arrival(topic, payload, False, AckToken(1, mid, 1), clock.now(), clock.monotonic())
        for mid, (topic, payload) in enumerate(said)
    ]
    facts = intake.decode(batch)
    assert [fact.source for fact in facts] == ["s1", "s2", "g1"]
    assert {fact.arrived for fact in facts} == {NOW}
    assert intake.refused_counts() == {}
    assert clock.now() == NOW


def test_an_alarm_heard_before_the_field_set_a_slow_clock_right_is_taken_then() -> None:
    """The broker tells a retained alarm at the start, and never again to a service that stays."""
    line, machine = Line(), ManualClock(NOW - timedelta(hours=1))
    clock = FieldTime(machine)
    intake = Intake(line, Decoder(TOPICS, KNOWN), clock=clock, field_time=clock)
    alarm = SensorAlarm(at=NOW, id="a1", hazard="fire", state="raised")
    later = NOW + timedelta(seconds=120)
    count = CounterReading(at=later, boot="b1", seq=1, in_total=9, out_total=4)
    tomorrow = (NOW + timedelta(days=1)).isoformat()
    flood = [(TOPICS.reading("s1"), reading(value=float(n)), False) for n in range(1000)]
    first = [
        (TOPICS.alarm("s1"), encode(alarm), True),
        (TOPICS.reading("s2"), reading(at=tomorrow), True),
        *flood,
    ]
    proof = [(TOPICS.reading(one), reading(at=later.isoformat()), False) for one in ("s1", "s2")]
    heard = []
    for mid, batch in enumerate((first, [*proof, (TOPICS.count("g1"), encode(count), False)])):
        token = AckToken(1, mid, 1)
        heard.append(
            intake.decode(
                [
                    Arrival(topic, payload, kept, token, clock.now(), clock.monotonic())
                    for topic, payload, kept in batch
                ]
            )
        )
        machine.advance(120)
    assert heard[0] == []
    assert [fact.body for fact in heard[1]][:1] == [alarm]
    assert [fact.source for fact in heard[1]] == ["s1", "s1", "s1", "s2", "g1"]
    assert heard[1][0].arrived == NOW
    assert intake.refused_counts() == {"stamp_ahead": 1002}, "each was counted when it came"
