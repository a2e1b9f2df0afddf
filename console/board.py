"""The visitors' board: each zone in a word, a colour and a shape, for people and for machines.

Visitors see no numbers and no pictures. A zone that nobody looks at, or that was last judged too
long ago, has no information: it is never shown as comfortable.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from html import escape

import msgspec

from config.schema import SiteFile
from config.strict import Words
from console.catalogue_words import Catalogue
from console.views import AnyCard, ZoneCard
from model.level import Level, Sight
from model.text import Bilingual

STALE_AFTER = timedelta(seconds=60)
COMFORTABLE_BELOW = 0.5
"""Of a zone's capacity: visitors have room there. A comfort figure of ours, no safety limit."""


class Advice(StrEnum):
    """What a visitor is told of a zone."""

    COMFORTABLE = "comfortable"
    BUSY = "busy"
    NOTICE = "notice"
    CARE = "care"
    AVOID = "avoid"
    KEEP_OUT = "keep_out"
    NO_INFORMATION = "no_information"


_BY_LEVEL = {
    Level.BLUE: Advice.NOTICE,
    Level.YELLOW: Advice.CARE,
    Level.ORANGE: Advice.AVOID,
    Level.RED: Advice.KEEP_OUT,
}

_SHAPES = {
    Advice.COMFORTABLE: '<circle cx="20" cy="20" r="14" class="line"/><path d="M13 21l5 5 9-11" class="line"/>',
    Advice.BUSY: '<circle cx="20" cy="20" r="14" class="line"/>',
    Advice.NOTICE: '<circle cx="20" cy="20" r="16" class="fill"/>',
    Advice.CARE: '<path d="M20 4 38 36H2z" class="fill"/>',
    Advice.AVOID: '<path d="M20 2 38 20 20 38 2 20z" class="fill"/>',
    Advice.KEEP_OUT: '<path d="M12 3h16l9 9v16l-9 9H12l-9-9V12z" class="fill"/><path d="M10 20h20" class="cut"/>',
    Advice.NO_INFORMATION: '<rect x="5" y="5" width="30" height="30" class="line dashed"/><path d="M8 32 32 8" class="line"/>',
}


class ZoneNotice(msgspec.Struct, frozen=True, kw_only=True):
    """One zone as visitors are told of it."""

    id: str
    name: Bilingual
    sight: Sight
    level: Level | None
    advice: Advice


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The whole board at one moment, in the order of the site file."""

    at: datetime
    zones: tuple[ZoneNotice, ...]


def board_of(site: SiteFile, cards: dict[str, AnyCard], now: datetime, *, following: bool) -> Board:
    """The board as the room stands; without `following` the room is old and says nothing."""
    notices = []
    for zone in site.zones:
        card = cards.get(zone.id)
        known = isinstance(card, ZoneCard) and following and now - card.at <= STALE_AFTER
        sight, level, advice = Sight.BLIND, None, Advice.NO_INFORMATION
        if known and isinstance(card, ZoneCard):
            sight, level, advice = card.sight, card.level, _advice(card)
        notices.append(
            ZoneNotice(
                id=zone.id, name=_bilingual(zone.name), sight=sight, level=level, advice=advice
            )
        )
    return Board(at=now, zones=tuple(notices))


def _advice(card: ZoneCard) -> Advice:
    if card.level is not None:
        return _BY_LEVEL[card.level]
    if card.sight is Sight.BLIND or card.occupancy is None:
        return Advice.NO_INFORMATION
    most = card.occupancy if card.occupancy_high is None else card.occupancy_high
    # Partly seen, the upper bound decides: nobody is sent where many may stand unseen.
    people = most if card.sight is Sight.PARTIAL else card.occupancy
    return Advice.COMFORTABLE if people < COMFORTABLE_BELOW * card.capacity else Advice.BUSY


def _bilingual(words: Words) -> Bilingual:
    return Bilingual(zh=words.zh, en=words.en)


def page_of(board: Board, site: SiteFile, words: Catalogue, *, local: datetime) -> str:
    """The board as a page for any browser: no script, both languages, nothing to sign in to."""
    name = site.site.name
    comfortable = [zone.name for zone in board.zones if zone.advice is Advice.COMFORTABLE]
    title = f"{name.zh} {name.en}"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="zh-CN"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            '<link rel="icon" type="image/svg+xml" href="/mark.svg">',
            '<link rel="stylesheet" href="/board.css"></head><body>',
            f"<header><h1>{_both(_bilingual(name))}</h1>",
            f"<p>{_both(words['board.title'])}</p></header><main>",
            _where(comfortable, words),
            f"<h2>{_both(words['board.zones'])}</h2><ul>",
            *(_row(zone, words) for zone in board.zones),
            "</ul></main><footer>",
            f'<p>{_both(words["board.at"])} <time datetime="{board.at.isoformat()}">'
            f'{local:%H:%M:%S}</time> <a href="">{_both(words["board.refresh"])}</a></p>',
            f"<p>{_both(words['board.help'])}</p></footer></body></html>",
        )
    )


def _where(comfortable: list[Bilingual], words: Catalogue) -> str:
    if not comfortable:
        return f'<section class="where"><p>{_both(words["board.nowhere"])}</p></section>'
    names = Bilingual(
        zh="、".join(name.zh for name in comfortable)[:500],
        en=", ".join(name.en for name in comfortable)[:500],
    )
    heading = _both(words["board.where"])
    return f'<section class="where"><h2>{heading}</h2><p class="names">{_both(names)}</p></section>'


def _row(zone: ZoneNotice, words: Catalogue) -> str:
    advice = zone.advice.value
    return (
        f'<li class="{advice}"><svg viewBox="0 0 40 40" aria-hidden="true">'
        f'{_SHAPES[zone.advice]}</svg><span class="name">{_both(zone.name)}</span>'
        f'<span class="word">{_both(words["advice." + advice])}</span></li>'
    )


def _both(text: Bilingual) -> str:
    """A text in both languages, each marked as what it is for those who hear the page."""
    return f'<span lang="zh-CN">{escape(text.zh)}</span> <span lang="en">{escape(text.en)}</span>'
