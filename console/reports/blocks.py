"""What a report's page is made of, the same for screen and paper."""

from __future__ import annotations

import msgspec


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A section begins."""

    text: str


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence or two."""

    text: str


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with its name, and what it is compared with."""

    name: str
    figure: str
    beside: str = ""


class Tiles(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that are read first."""

    tiles: tuple[Tile, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under a head; columns of words begin at the left, those of numbers end at the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """Which columns hold words."""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing with its caption, which says in words what is drawn."""

    svg: str
    caption: str


Block = Heading | Paragraph | Tiles | Table | Chart


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report in one language."""

    language: str
    title: str
    subtitle: str
    footer: str
    blocks: tuple[Block, ...]
