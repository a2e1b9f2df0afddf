"""The MQTT documents say what the code does: topics, payloads, reasons, limits."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML

from wire import asyncapi
from wire.faults import AHEAD_LIMIT, BEHIND_LIMIT
from wire.refusals import RefusalReason
from wire.topics import TOPIC_TABLE

DOCS = Path(__file__).parent.parent.parent / "docs"
GUIDE = (DOCS / "mqtt.md").read_text("utf-8")


def test_the_asyncapi_document_is_the_one_that_the_code_makes() -> None:
    written = (DOCS / "asyncapi.yaml").read_text("utf-8")
    assert written == asyncapi.as_yaml(), "run: python -m wire.asyncapi > docs/asyncapi.yaml"


def test_the_asyncapi_document_names_every_topic_with_its_retention() -> None:
    document = YAML(typ="safe").load(DOCS / "asyncapi.yaml")
    told = {
        (
            channel["address"].split("/", 3)[3],
            document["operations"][name]["bindings"]["mqtt"]["retain"],
        )
        for name, channel in document["channels"].items()
    }
    assert told == {(row.pattern, row.retained) for row in TOPIC_TABLE}
    for channel in document["channels"].values():
        (message,) = channel["messages"].values()
        name = message["$ref"].removeprefix("#/components/messages/")
        assert document["components"]["messages"][name]["payload"]


def test_the_guide_names_every_topic_and_no_other() -> None:
    table = GUIDE.split("## Topics")[1].split("**Status.**")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| `")]
    told = {
        (re.sub("<.*?>", "{id}", topic), retained.strip() == "yes")
        for topics, _, retained in rows
        for topic in re.findall("`([^`]+)`", topics)
    }
    assert told == {(row.pattern, row.retained) for row in TOPIC_TABLE}


def test_the_guide_names_every_reason_of_refusal_and_no_other() -> None:
    table = GUIDE.split("## What is refused")[1].split("## Delivery")[0]
    told = {
        reason
        for line in table.splitlines()
        if line.startswith("| `")
        for reason in re.findall("`([a-z_]+)`", line.split("|")[1])
    }
    assert told == {reason.value for reason in RefusalReason}


def test_the_guides_limits_are_the_codes() -> None:
    assert f"more than {AHEAD_LIMIT.total_seconds():.0f} s ahead" in GUIDE
    assert f"more than {BEHIND_LIMIT.total_seconds() / 3600:.0f} h behind" in GUIDE
