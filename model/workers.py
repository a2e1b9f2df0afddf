"""What a camera worker shows besides readings: stills, and only while somebody looks."""

from __future__ import annotations

from typing import Annotated

import msgspec

from model.facts import Id, People, Stamp
from model.level import Sight

Pixels = Annotated[int, msgspec.Meta(ge=1, le=4096)]
NetworkName = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{0,80}$(?!\n)")]
"""It goes on in a header of HTTP, and into the site file with what was marked."""


class CameraWatch(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looks at a camera until then: its worker sends stills, and else does not."""

    until: Stamp


class CameraStill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last analysed picture, small, with the crowd's density to lay over it. Never kept.

    `jpeg` travels as base64. `cells` holds `columns` × `rows` bytes, row by row, a value of 255
    standing for `people_per_cell` people. A blind picture has no count and no cells.
    `model` is the network that counted, which marks of its heads are kept with.
    """

    camera: Id
    at: Stamp
    sight: Sight
    count: People | None = None
    jpeg: bytes
    columns: Pixels = 1
    rows: Pixels = 1
    cells: bytes = b"\x00"
    people_per_cell: float = 0.0
    model: NetworkName = ""
