"""What the service and a camera worker say to each other besides readings."""

from __future__ import annotations

from typing import Annotated

import msgspec

from model.facts import Id, Stamp, Total


class WorkerCameras(msgspec.Struct, frozen=True, kw_only=True):
    """The cameras that one worker is to analyse; an older epoch than the last is ignored."""

    epoch: Total
    cameras: list[Id]


class CameraWatch(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looks at a camera until then: its worker sends stills, and else does not."""

    until: Stamp


Pixels = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class CameraStill(msgspec.Struct, frozen=True, kw_only=True):
    """The last analysed picture, small, with the crowd's density laid over it.

    `jpeg` travels as base64; `cells` holds `columns` × `rows` bytes, row by row, 255 being
    `people_per_cell` people. Sent only while somebody looks, never kept.
    """

    at: Stamp
    width: Pixels
    height: Pixels
    jpeg: bytes
    columns: Pixels = 1
    rows: Pixels = 1
    cells: bytes = b"\x00"
    people_per_cell: float = 0.0
