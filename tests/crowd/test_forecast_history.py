"""Files of counts: what is read, what is set aside, and what is refused by file and line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from crowd.forecast.history import HistoryError, read_history
from tests.crowd.forecast_streets import history, street, write

HEADER = "site,date,hour,count"


def _file(folder: Path, *rows: str) -> Path:
    path = folder / "counts.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def test_rows_in_any_order_become_one_calendar(tmp_path: Path) -> None:
    record = read_history(_file(tmp_path, "b,2020-01-02,3,7", "a,2020-01-01,0,5"))
    assert record.sites == ("b", "a")
    assert record.first_day == dt.date(2020, 1, 1)
    assert record.counts.shape == (2, 2, 24)
    assert record.counts[1, 0, 0] == 5
    assert record.counts[0, 1, 3] == 7


def test_a_missing_hour_is_unknown_and_not_zero(tmp_path: Path) -> None:
    record = read_history(_file(tmp_path, "a,2020-01-01,0,5", "a,2020-01-01,2,0"))
    assert np.isnan(record.counts[0, 0, 1])
    assert record.counts[0, 0, 2] == 0


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\na,2020-01-01,0,5\n".encode())
    assert read_history(path).sites == ("a",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,2020-01-01,1,-3", ":3: count: '-3'"),
        ("a,2020-01-01,1,12.5", ":3: count: '12.5'"),
        ("a,2020-01-01,1,", ":3: count: ''"),
        ("a,2020-01-01,1,nan", ":3: count: 'nan'"),
        ("a,2020-01-01,1,1e99", ":3: count: '1e99'"),
        ("a,2020-01-01,1,99999999999999999999", ":3: count: "),
        ("a,2020-01-01,1,٣", ":3: count: '٣'"),
        ("a,2020-01-01,24,1", ":3: hour: '24'"),
        ("a,2020-02-30,1,1", ":3: date: '2020-02-30'"),
        ("a,01/02/2020,1,1", ":3: date: '01/02/2020'"),
        (",2020-01-01,1,1", ":3: site: empty"),
        ("a,2020-01-01,1", ":3: 3 fields"),
        ("a,2020-01-01,0,6", ":3: a second row for a, 2020-01-01, hour 0; the first is line 2"),
        ("a,0001-01-01,0,6", "expected at most"),
        ('a,2020-01-01,1,"7', "not a CSV file"),
    ],
)
def test_a_bad_row_is_refused_by_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(HistoryError) as caught:
        read_history(_file(tmp_path, "a,2020-01-01,0,5", row))
    assert said in str(caught.value)
    assert "counts.csv" in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    for content, said in (
        (b"", ":2: no row"),
        (f"{HEADER}\n".encode(), ":2: no row"),
        (b"day;people\n", ":1: 'day;people': expected the header"),
        (f"{HEADER}\na,2020-01-01,0,5\n什刹海,2020-01-01,0,5\n".encode("gb18030"), ":3: not UTF-8"),
        (f"{HEADER}\na,2020-01-01,0,5\n".encode("utf-16"), ":1: not UTF-8"),
        (b"\x00\x01\x02\x03", ":1:"),
    ):
        path.write_bytes(content)
        with pytest.raises(HistoryError, match=r"counts\.csv") as caught:
            read_history(path)
        assert said in str(caught.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be read"):
        read_history(tmp_path / "absent.csv")


def test_a_dead_counters_zeros_are_unknown_but_still_what_was_reported() -> None:
    counts = street(40)
    counts[35, 9:16] = 0
    record = history(counts)
    assert np.isnan(record.counts[0, 35, 11:16]).all()
    assert (record.reported[0, 35, 9:16] == 0).all()


def test_a_quiet_night_is_not_a_dead_counter() -> None:
    counts = street(40)
    counts[:, 0:4] = 0
    assert np.isfinite(history(counts).counts).all()


def test_what_was_known_ends_at_the_cut_off(tmp_path: Path) -> None:
    record = read_history(write(tmp_path / "counts.csv", history(street(10))))
    known = record.known_at(dt.date(2021, 1, 8), 10)
    assert known.days == 5
    assert np.isfinite(known.counts[0, 4, :10]).all()
    assert np.isnan(known.counts[0, 4, 10:]).all()
