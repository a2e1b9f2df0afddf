"""The book of open cases: one for each key."""

from __future__ import annotations

import pytest

from alerts.cases import CaseBook, CaseFile, Journal
from model.cases import Reason
from model.level import Level
from model.text import Bilingual
from tests.alerts.room import START

WORDS = Bilingual(zh="拥挤", en="Crowding")


def opened(book: CaseBook, journal: Journal) -> CaseFile:
    return book.open(
        journal,
        "bridge/crowding",
        subject_kind="zone",
        subject="bridge",
        hazard="crowding",
        level=Level.YELLOW,
        text=WORDS,
        rule="crowding",
        actor="system",
        reason=Reason.ABOVE_RAISE,
        detail=WORDS,
    )


def test_one_breach_is_one_case_until_it_is_closed() -> None:
    ids = iter(["case-1", "case-2"])
    book, journal = CaseBook(lambda: next(ids), {}), Journal(START)
    first = opened(book, journal)
    with pytest.raises(ValueError, match="a case is open for bridge/crowding"):
        opened(book, journal)
    book.close(journal, first, actor="system", reason=Reason.BELOW_CLEAR, detail=WORDS)
    assert book.by_id(first.case.id) is None
    assert opened(book, journal).case.id == "case-2"
