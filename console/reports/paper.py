"""A report as PDF, set by Typst in this process: real tables, charts as vectors, one font for both scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import zip_longest

import typst

from console.reports.blocks import Block, Chart, Heading, Page, Paragraph, Table, Tiles

FONT = "Noto Sans SC"

_HEAD = """
#set page(paper: "a4", margin: (x: 18mm, top: 18mm, bottom: 20mm), footer: context [
  #set text(size: 8pt, fill: rgb("#4a5c66"))
  #FOOTER #h(1fr) #counter(page).display("1 / 1", both: true)])
#set text(font: FONT, size: 9.5pt, lang: LANGUAGE, fill: rgb("#1d2b33"))
#set par(leading: 0.7em)
#set document(title: TITLE)
#show heading: it => block(above: 1.5em, below: 0.8em, sticky: true, width: 100%, stroke: (bottom: 1pt + rgb("#1f6f8b")),
  inset: (bottom: 3pt), text(size: 11.5pt, stroke: 0.25pt + rgb("#1d2b33"), it.body))
#text(size: 17pt, stroke: 0.35pt + rgb("#1d2b33"), TITLE) \\
#text(fill: rgb("#4a5c66"), SUBTITLE)
"""


def pdf_of(page: Page) -> bytes:
    """The whole report, on as many pages as it takes."""
    names = {
        "FOOTER": page.footer,
        "FONT": FONT,
        "LANGUAGE": page.language[:2],
        "SUBTITLE": page.subtitle,
        "TITLE": page.title,
    }
    bound = "\n".join(f"#let {name} = {_quoted(value)}" for name, value in names.items())
    body = "\n".join(_laid_out(page.blocks))
    source = f"{bound}\n{_HEAD}\n{body}\n".encode()
    return typst.compile(source, font_paths=_fonts(), format="pdf")


@cache
def _fonts() -> typst.Fonts:
    """The one font that comes along: a report looks the same on every machine."""
    folder = str(resources.files("pylopdf_fonts_zh_cn"))
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder]
    )


def _quoted(text: str) -> str:
    """Text as a string of Typst: nothing in it can be markup. Its escapes are those of JSON."""
    printable = "".join(letter for letter in text if letter == "\n" or letter >= " ")
    return json.dumps(printable, ensure_ascii=False)


def _laid_out(blocks: Sequence[Block]) -> Iterator[str]:
    """Each block as Typst's; words that lead to a chart stay on its page, as headings do by themselves."""
    for block, following in zip_longest(blocks, blocks[1:]):
        words = _block(block)
        leads = isinstance(block, Paragraph) and isinstance(following, Chart)
        yield f"#block(sticky: true)[{words}]" if leads else words


def _block(block: Block) -> str:
    match block:
        case Heading(text=text):
            return f"= #{_quoted(text)}"
        case Paragraph(text=text):
            return f"#par({_quoted(text)})"
        case Tiles(tiles=tiles):
            cells = ", ".join(
                f'block(width: 100%, stroke: 0.6pt + rgb("#c3ced3"), inset: 7pt)[#{_quoted(tile.name)} \\ '
                f"#text(size: 14pt, {_quoted(tile.figure)}) \\ "
                f'#text(size: 8pt, fill: rgb("#4a5c66"), {_quoted(tile.beside or " ")})]'
                for tile in tiles
            )
            return f"#v(4pt)\n#grid(columns: (1fr,) * 3, gutter: 6pt, {cells})"
        case Table(head=head, rows=rows, words=words):
            return _table(head, rows, words)
        case Chart(svg=svg, caption=caption):
            return (
                f'#block(breakable: false)[#image(bytes({_quoted(svg)}), format: "svg",'
                f" width: 100%, alt: {_quoted(caption)})"
                f'#v(-4pt)#text(size: 8.5pt, fill: rgb("#4a5c66"), {_quoted(caption)})]'
            )


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], words: frozenset[int]) -> str:
    # Many columns of words take the room that they need; figures alone share it evenly.
    columns = "auto, " + ("auto, " if len(words) > 1 else "1fr, ") * (len(head) - 2) + "1fr"
    align = ", ".join("left" if place in words else "right" for place in range(len(head)))
    top = ", ".join(f"text(stroke: 0.2pt, {_quoted(cell)})" for cell in head)
    body = ", ".join(_quoted(cell) for row in rows for cell in row)
    return (
        f'#table(columns: ({columns}), stroke: (x, y) => (bottom: 0.5pt + rgb("#c3ced3")),'
        f" inset: (x: 4pt, y: 4pt), align: ({align}),"
        f" table.header({top}), {body})"
    )
