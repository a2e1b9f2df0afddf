"""The field's logs: append-only lines that the judge of a run reads afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from model.level import Level


class TruthEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was true in the simulated field from `at` on.

    `what`: `people` in a camera's view; `peak_p_m2` and `density_p_m2` of a zone as one camera's
    ground has it; a `sensor`'s value; an `alarm` (1 raised, 0 cleared); a `camera` (1 works,
    0 fails); a `beat` of the scenario.
    """

    at: datetime
    what: str
    id: str
    value: float
    zone: str | None = None
    quantity: str | None = None


class FieldEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one device did: `good_signature`, `bad_signature`, `received`, `shown`, `played`,
    `cancelled`, `moved`, `done`, `refused`, `failed`. A terminal without a screen has `shown` what it
    begins to play."""

    at: datetime
    kind: str
    device: str
    what: str
    order: str | None = None
    warning: str | None = None
    level: Level | None = None
    detail: str | None = None


class AirEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as a listener on the broker heard it; `warning` topics have kind `service`."""

    at: datetime
    kind: str
    id: str
    leaf: str
    retained: bool = False
    body: dict[str, Any]


Entry = TypeVar("Entry", TruthEntry, FieldEntry, AirEntry)


class Logbook:
    """A file that grows a JSON line per entry, written through at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._encoder = msgspec.json.Encoder()

    def write(self, entry: TruthEntry | FieldEntry | AirEntry) -> None:
        self._file.write(self._encoder.encode(entry) + b"\n")

    def close(self) -> None:
        self._file.close()


def read(path: Path, entry: type[Entry]) -> Iterator[Entry]:
    """All entries of a log, oldest first; a last line cut off by a kill is left out."""
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(entry)
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield decoder.decode(line)
