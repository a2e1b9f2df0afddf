"""Topics: every line of the contract is built and read back, and nothing else is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.facts import DeviceKind
from wire.topics import TOPIC_TABLE, Address, Direction, TopicFault, Topics

TOPICS = Topics("shichahai")
IDS = st.from_regex(r"\A[a-z0-9-]{1,64}\Z")


@given(row=st.sampled_from(TOPIC_TABLE), device=IDS)
def test_every_line_of_the_table_reads_back_what_it_built(row: object, device: str) -> None:
    assert row in TOPIC_TABLE
    line = next(line for line in TOPIC_TABLE if line == row)
    topic = f"yinding/v1/shichahai/{line.pattern.replace('{id}', device)}"
    assert TOPICS.parse(topic) == Address(kind=line.kind, device=device, leaf=line.leaf)
    address = TOPICS.parse(topic)
    assert address is not None
    assert address.row == line


def test_the_named_builders_give_the_contracts_topics() -> None:
    root = "yinding/v1/shichahai"
    assert TOPICS.status(DeviceKind.CAMERA, "bridge-1") == f"{root}/camera/bridge-1/status"
    assert TOPICS.density("bridge-1") == f"{root}/camera/bridge-1/density"
    assert TOPICS.count("g1") == f"{root}/counter/g1/count"
    assert TOPICS.reading("s1") == f"{root}/sensor/s1/reading"
    assert TOPICS.alarm("s1") == f"{root}/sensor/s1/alarm"
    assert TOPICS.order(DeviceKind.TERMINAL, "t1") == f"{root}/terminal/t1/order"
    assert TOPICS.receipt(DeviceKind.BOLLARD, "b1") == f"{root}/bollard/b1/receipt"
    assert TOPICS.bollard_state("b1") == f"{root}/bollard/b1/state"
    assert TOPICS.zone_state("z1") == f"{root}/zone/z1/state"
    assert TOPICS.warning("w1") == f"{root}/warning/w1"
    assert TOPICS.service_status("n1") == f"{root}/service/n1/status"
    assert TOPICS.worker_cameras("n1") == f"{root}/worker/n1/cameras"


@pytest.mark.parametrize(
    ("topic", "fault"),
    [
        ("", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/elsewhere/camera/c1/density", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/shichahai/camera/c1", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/shichahai/camera/c1/density/more", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/shichahai/warning/w1/", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/shichahai/kettle/k1/status", TopicFault.UNKNOWN_TOPIC),
        ("yinding/v1/shichahai/camera/C1/density", TopicFault.BAD_ID),
        ("yinding/v1/shichahai/camera//density", TopicFault.BAD_ID),
        ("yinding/v1/shichahai/camera/" + "a" * 65 + "/density", TopicFault.BAD_ID),
        ("yinding/v1/shichahai/camera/c1\n/density", TopicFault.BAD_ID),
        ("yinding/v1/shichahai/camera/摄像头/density", TopicFault.BAD_ID),
    ],
)
def test_other_topics_are_refused_by_name(topic: str, fault: TopicFault) -> None:
    assert TOPICS.classify(topic) is fault
    assert TOPICS.parse(topic) is None


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    TOPICS.parse(text)
    TOPICS.parse(f"yinding/v1/shichahai/{text}")


def test_ids_that_would_widen_a_topic_are_never_built() -> None:
    for bad in ("+", "#", "a/b", "", "A"):
        with pytest.raises(ValueError, match="not an id"):
            TOPICS.density(bad)


def test_the_service_listens_to_everything_from_the_field_and_to_nothing_else() -> None:
    filters = {entry.topic for entry in TOPICS.service_filters()}
    wanted = {
        f"yinding/v1/shichahai/{row.kind}/+/{row.leaf}"
        for row in TOPIC_TABLE
        if row.direction is Direction.FROM_FIELD
    }
    assert filters == wanted


def test_pictures_never_come_to_where_facts_are_taken_in() -> None:
    assert not [one for one in TOPICS.service_filters() if "still" in one.topic]


def test_bollard_state_is_never_queued_for_an_absent_listener() -> None:
    qualities = {entry.topic.split("/", 3)[3]: entry.qos for entry in TOPICS.service_filters()}
    assert qualities.pop("bollard/+/state") == 0
    assert set(qualities.values()) == {1}
