"""The MQTT contract as an AsyncAPI document, made from the topic table and the payloads' types.

`python -m wire.asyncapi` prints it; a test keeps `docs/asyncapi.yaml` equal to it.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import msgspec
from ruamel.yaml import YAML

from model.facts import (
    BollardReceipt,
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceStatus,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from model.orders import BollardOrder, TerminalOrder
from model.workers import CameraStill, CameraWatch
from model.zones import ZoneState
from wire.payloads import CapMessage, ServiceStatus, WarningState, WorkerCameras, WorkerStatus
from wire.topics import ROOT, TOPIC_TABLE, Direction, TopicRow

PAYLOADS: dict[str, Any] = {
    "DeviceStatus": DeviceStatus,
    "Density": DensityLive | DensityBlind,
    "CameraWatch": CameraWatch,
    "CameraStill": CameraStill,
    "CounterReading": CounterReading,
    "SensorReading": SensorReading,
    "SensorAlarm": SensorAlarm,
    "TerminalOrder": TerminalOrder,
    "TerminalReceipt": TerminalReceipt,
    "BollardOrder": BollardOrder,
    "BollardReceipt": BollardReceipt,
    "BollardState": BollardState,
    "ZoneState": ZoneState,
    "WarningState": WarningState,
    "CapMessage": CapMessage,
    "ServiceStatus": ServiceStatus,
    "WorkerStatus": WorkerStatus,
    "WorkerCameras": WorkerCameras,
}

_HEARD = {Direction.FROM_FIELD, Direction.TO_SCREEN}
_QUALITY_0 = {("camera", "watch"), ("camera", "still")}


def document() -> dict[str, Any]:
    """The whole document, as plain values."""
    schemas, components = msgspec.json.schema_components(
        PAYLOADS.values(), ref_template="#/components/schemas/{name}"
    )
    payloads = dict(zip(PAYLOADS, schemas, strict=True))
    for schema in components.values():
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Yinding over MQTT",
            "version": "1.0.0",
            "description": (
                "What cameras' analysers, counters, sensors, terminals and bollards say to the "
                "service and hear from it. JSON in UTF-8, at most 64 KiB a message, quality of "
                "service 1 unless said otherwise. Unknown members are tolerated. Operations are "
                "named from the service's side."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_name(row): _channel(row) for row in TOPIC_TABLE},
        "operations": {_name(row): _operation(row) for row in TOPIC_TABLE},
        "components": {
            "messages": {name: {"payload": schema} for name, schema in payloads.items()},
            "schemas": components,
        },
    }


def _name(row: TopicRow) -> str:
    return row.kind + row.leaf.capitalize()


def _channel(row: TopicRow) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{site}}/{row.pattern}",
        "parameters": {
            "site": {"description": "The site's id, [a-z0-9-]{1,64}."},
            "id": {"description": f"The {row.kind}'s id, [a-z0-9-]{{1,64}}."},
        },
        "messages": {row.payload: {"$ref": f"#/components/messages/{row.payload}"}},
    }


def _operation(row: TopicRow) -> dict[str, Any]:
    quality = 0 if (row.kind, row.leaf) in _QUALITY_0 else 1
    return {
        "action": "receive" if row.direction in _HEARD else "send",
        "channel": {"$ref": f"#/channels/{_name(row)}"},
        "bindings": {"mqtt": {"qos": quality, "retain": row.retained}},
    }


def as_yaml() -> str:
    """The document as it stands in the docs."""
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.dump(document(), out)
    return out.getvalue()


def main() -> None:
    """Print the document."""
    sys.stdout.write(as_yaml())


if __name__ == "__main__":
    main()
