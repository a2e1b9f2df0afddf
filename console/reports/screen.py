"""A report as one HTML file that needs nothing beside it."""

from __future__ import annotations

from html import escape

from console.reports.blocks import Block, Chart, Heading, Page, Paragraph, Table, Tiles

_STYLE = """
body{font:15px/1.55 "Noto Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;color:#1d2b33;
background:#fff;max-width:760px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:2px solid #1f6f8b}
.sub,footer,figcaption{color:#4a5c66}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));
gap:.75rem;margin:1rem 0}.tile{border:1px solid #c3ced3;padding:.6rem .8rem}.tile b{display:block;font-size:1.45rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{padding:.25rem .5rem;border-bottom:1px solid #c3ced3;
text-align:right}.w{text-align:left}figure{margin:1rem 0}svg{max-width:100%;height:auto}
@media print{body{margin:0}figure,table{break-inside:avoid}}
"""


def html_of(page: Page) -> str:
    """The whole page."""
    body = "\n".join(_block(block) for block in page.blocks)
    return (
        f'<!doctype html>\n<html lang="{page.language}"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)} · {escape(page.subtitle)}</title>\n<style>{_STYLE}</style></head>"
        f'<body><header><h1>{escape(page.title)}</h1><p class="sub">{escape(page.subtitle)}</p></header>'
        f"<main>\n{body}\n</main><footer><p>{escape(page.footer)}</p></footer></body></html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text=text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text=text):
            return f"<p>{escape(text)}</p>"
        case Tiles(tiles=tiles):
            cells = "".join(
                f'<div class="tile">{escape(tile.name)}<b>{escape(tile.figure)}</b>'
                f"<small>{escape(tile.beside)}</small></div>"
                for tile in tiles
            )
            return f'<div class="tiles">{cells}</div>'
        case Table(head=head, rows=rows, words=words):
            return _table(head, rows, words)
        case Chart(svg=svg, caption=caption):
            return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], words: frozenset[int]) -> str:
    kinds = [' class="w"' if place in words else "" for place in range(len(head))]
    top = "".join(
        f'<th scope="col"{kind}>{escape(cell)}</th>' for kind, cell in zip(kinds, head, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
