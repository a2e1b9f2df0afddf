"""Drawings of a report as SVG: bars, lines, and spans of what was foretold, in ink that prints.

No colour carries meaning alone: bars of the period before are hatched, lines have their own strokes, and
what came is a cross where what was foretold is a dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

WIDTH: Final = 720
_LEFT: Final = 52
_RIGHT: Final = 12
_TOP: Final = 14
_BOTTOM: Final = 26
FONT: Final = "Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
INK: Final = "#1d2b33"
_PALE: Final = "#c3ced3"
_BLUE: Final = "#1f6f8b"
_AMBER: Final = "#b4632d"
_STEPS: Final = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)

Values = Sequence[float | None]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The words under a drawing, one for each step; empty ones are left out."""

    labels: tuple[str, ...]


def bars(values: Values, before: Values, axis: Axis, *, names: tuple[str, str], unit: str) -> str:
    """Bars of the period, and beside each, hatched, that of the period before."""
    height = 210
    top, scale = _scale([*values, *before], height)
    count = max(len(values), 1)
    slot = (WIDTH - _LEFT - _RIGHT) / count
    parts = [_grid(top, scale, height, unit)]
    for place, (now, then) in enumerate(_pairs(values, before)):
        x = _LEFT + place * slot
        if then is not None:
            parts.append(_bar(x + slot * 0.14, then * scale, slot * 0.34, height, "url(#then)"))
        if now is not None:
            parts.append(_bar(x + slot * 0.5, now * scale, slot * 0.36, height, _BLUE))
    parts.append(_labels(axis, slot, height))
    parts.append(_key(((_BLUE, names[0]), ("url(#then)", names[1]))))
    return _drawing(height, parts)


def lines(series: Sequence[tuple[str, Values]], axis: Axis, *, unit: str) -> str:
    """One line for each series, each with its own stroke; a gap where nothing is known."""
    height = 230
    room = 33 + max((_long(name) for name, _ in series), default=0.0)
    top, scale = _scale([value for _, values in series for value in values], height)
    count = max((len(values) for _, values in series), default=1)
    slot = (WIDTH - _LEFT - _RIGHT - room) / max(count, 1)
    parts = [_grid(top, scale, height, unit, room=room)]
    pens = []
    for number, (name, values) in enumerate(series):
        colour, dash = _pen(number)
        pens.append((name, colour, dash))
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.7"'
            f' stroke-dasharray="{dash}"/>'
            for points in _runs(values, slot, scale, height)
        ]
    parts += _names(pens, room)
    parts.append(_labels(axis, slot, height))
    return _drawing(height, parts)


def rows(named: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars with their name before and their figure behind them."""
    height = max(30, 20 * len(named) + 10)
    most = max((value for _, value, _ in named), default=0.0) or 1.0
    room = WIDTH - 220 - 90
    parts = []
    for place, (name, value, figure) in enumerate(named):
        y = 6 + 20 * place
        long = max(1.0, room * value / most)
        parts += [
            _text(212, y + 11, name, anchor="end"),
            f'<rect x="220" y="{y}" width="{long:.1f}" height="14" fill="{_BLUE}"/>',
            _text(226 + long, y + 11, figure),
        ]
    return _drawing(height, parts)


def interval(
    came: Values,
    low: Values,
    high: Values,
    told: Values,
    axis: Axis,
    *,
    names: tuple[str, str, str],
) -> str:
    """What was foretold, as a dot in its span of 80 %, and what came, as a cross."""
    height = 210
    top, scale = _scale([*came, *high, *told], height)
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(came), 1)
    base = height - _BOTTOM
    parts = [_grid(top, scale, height, "")]
    for place, (real, least, most, guess) in enumerate(zip(came, low, high, told, strict=True)):
        x = _LEFT + (place + 0.5) * slot
        if least is not None and most is not None and guess is not None:
            parts += [
                f'<rect x="{x - 4:.1f}" y="{base - most * scale:.1f}" width="8"'
                f' height="{max(1.0, (most - least) * scale):.1f}" fill="{_PALE}"/>',
                f'<circle cx="{x:.1f}" cy="{base - guess * scale:.1f}" r="3.4" fill="{_BLUE}"/>',
            ]
        if real is not None:
            y = base - real * scale
            parts.append(
                f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{_AMBER}"'
                ' stroke-width="2" fill="none"/>'
            )
    parts.append(_labels(axis, slot, height))
    parts.append(_key(((_BLUE, names[0]), (_PALE, names[1]), (_AMBER, "× " + names[2]))))
    return _drawing(height, parts)


def _pairs(values: Values, before: Values) -> list[tuple[float | None, float | None]]:
    padded = [*before, *([None] * len(values))]
    return [(value, padded[place]) for place, value in enumerate(values)]


def _scale(values: Values, height: float) -> tuple[float, float]:
    """The axis's top, a round number, and pixels for each unit."""
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    size = 10.0 ** len(str(int(most))) / 10 if most >= 1 else 0.1
    top = next(size * step for step in (*_STEPS, 20) if size * step >= most)
    return top, (height - _TOP - _BOTTOM - 8) / top


def _grid(top: float, scale: float, height: float, unit: str, *, room: float = 0) -> str:
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = height - _BOTTOM - top * share * scale
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT - room}" y1="{y:.1f}" y2="{y:.1f}"'
            f' stroke="{_PALE if share else INK}" stroke-width="0.7"/>'
        )
        parts.append(_text(_LEFT - 6, y + 4, _tick(top * share), anchor="end"))
    parts.append(_text(4, 10, unit))
    return "".join(parts)


def _tick(value: float) -> str:
    """A figure at the axis as people write it: 10,000, and what lies below ten with its fraction."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _bar(x: float, tall: float, wide: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{height - _BOTTOM - tall:.1f}" width="{wide:.1f}"'
        f' height="{tall:.1f}" fill="{fill}"/>'
    )


def _labels(axis: Axis, slot: float, height: float) -> str:
    return "".join(
        _text(_LEFT + (place + 0.5) * slot, height - 8, label, anchor="middle")
        for place, label in enumerate(axis.labels)
        if label
    )


def _key(entries: Sequence[tuple[str, str]]) -> str:
    parts = []
    x = _LEFT + 60.0
    for fill, name in entries:
        parts.append(f'<rect x="{x:.0f}" y="2" width="10" height="10" fill="{fill}"/>')
        parts.append(_text(x + 14, 11, name))
        x += 40 + sum(12 if ord(letter) > 0x2E80 else 6.5 for letter in name)
    return "".join(parts)


def _pen(number: int) -> tuple[str, str]:
    colours = (_BLUE, _AMBER, INK, "#6a4c93", "#4d7c3a", "#8a8d24", "#a33b5c", "#55708a")
    return colours[number % len(colours)], ("none", "7 3", "2 3")[number % 3]


def _runs(values: Values, slot: float, scale: float, height: float) -> list[str]:
    """The points of each stretch without a gap."""
    runs: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x, y = _LEFT + (place + 0.5) * slot, height - _BOTTOM - value * scale
        runs[-1].append(f"{x:.1f},{y:.1f}")
    return [" ".join(run) for run in runs if run]


def _names(pens: Sequence[tuple[str, str, str]], room: float) -> list[str]:
    """The names of the lines beside them, in the order in which they were given: the highest first."""
    found = []
    x = WIDTH - _RIGHT - room + 4
    for place, (name, colour, dash) in enumerate(pens):
        y = _TOP + 10 + 17 * place
        found.append(
            f'<line x1="{x}" x2="{x + 20}" y1="{y}" y2="{y}" stroke="{colour}"'
            f' stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        found.append(_text(x + 25, y + 4, name))
    return found


def _long(name: str) -> float:
    """About how long a name is in a drawing; Chinese letters are as wide as they are high."""
    return sum(11.5 if letter > "\u2e7f" else 6.5 for letter in name)


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _drawing(height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
        f' width="{WIDTH}" height="{height:.0f}" role="img" font-family="{FONT}" font-size="11"'
        f' fill="{INK}"><defs><pattern id="then" width="4" height="4" patternUnits="userSpaceOnUse">'
        f'<rect width="4" height="4" fill="#eef2f3"/><path d="M0 4L4 0" stroke="#7d8f98"'
        f' stroke-width="1"/></pattern></defs>{"".join(parts)}</svg>'
    )
