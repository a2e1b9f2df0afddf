"""How a report is set: words begin at the left, figures end at the right, names are not cut."""

from __future__ import annotations

import re

import pytest

from console.reports import charts
from console.reports.blocks import Page, Table
from console.reports.charts import Axis
from console.reports.paper import pdf_of
from console.reports.screen import html_of

TABLE = Table(
    head=("Opened", "Zone", "Lasted"),
    rows=(("10-01 18:10", "Yinding <Bridge>", "79 min"),),
    words=frozenset({0, 1}),
)
PAGE = Page(language="en", title="T", subtitle="S", footer="F", blocks=(TABLE,))


def test_words_stand_at_the_left_on_the_screen_and_nothing_in_them_is_markup() -> None:
    page = html_of(PAGE)
    assert '<td class="w">Yinding &lt;Bridge&gt;</td><td>79 min</td>' in page


def test_a_table_of_words_and_figures_becomes_paper() -> None:
    assert pdf_of(PAGE).startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["桥", "银锭桥以西沿湖步道北段", "Qianhai South Shore", "A"])
def test_the_longest_name_beside_the_lines_ends_within_the_drawing(name: str) -> None:
    drawing = charts.lines([(name, [1.0, 2.0])], Axis(labels=("1", "2")), unit="p")
    found = re.search(rf'<text x="([\d.]+)"[^>]*>{name}</text>', drawing)
    assert found is not None
    widest = sum(11 if ord(letter) > 0x2E7F else 6 for letter in name)
    assert float(found[1]) + widest <= charts.WIDTH
