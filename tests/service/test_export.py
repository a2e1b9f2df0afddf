"""What other programs get of the store: the same rows as CSV and as Parquet, unknown empty and never zero."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import duckdb
import msgspec
import pytest
import typer
from typer.testing import CliRunner

from crowd.forecast.history import read_history
from model.cases import CaseState, Change
from model.facts import CounterReading, DeviceKind, Fact
from model.level import Sight
from model.orders import OrderState
from model.zones import ZoneView
from service.commands import export as export_command
from service.exits import CommandError
from service.exporting import Subject
from service.site import LoadedSite
from store.embedded import Store
from tests.end_to_end.house import make_site
from tests.store.words import at, case, fact, live, order, transition

DAY = ("--from", "2026-02-18", "--to", "2026-02-18")
TIMES = {"at", "opened", "taken", "closed", "issued", "changed", "date"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> LoadedSite:
    """Eight hours of a zone, a camera and a gate, with one warning and its order."""
    loaded = make_site(tmp_path_factory.mktemp("export"), port=1883)
    with Store.open(loaded.data_folder, full_sync=False) as store, store.transaction() as tx:
        for s in range(0, 8 * 3600, 300):
            tx.add_zone_views([_view(s, people=10 + s / 100, peak=1.0 + (s // 300 % 5) / 4)])
            tx.add_facts([live("c1", s, count=s / 7), _gate(s, total=s // 60)])
        tx.add_zone_views([_view(9 * 3600, people=None, peak=None)])
        opened = transition()
        taken = msgspec.structs.replace(
            opened, serial=2, at=at(90), actor="operator", change=Change.ACKNOWLEDGED
        )
        tx.save_case(case(state=CaseState.ACKNOWLEDGED, serial=2), [opened, taken])
        tx.save_order(order("o-1", 1, state=OrderState.PLAYED))
    return loaded


def _view(s: float, *, people: float | None, peak: float | None) -> ZoneView:
    sight = Sight.BLIND if people is None else Sight.LIVE
    return ZoneView(
        zone="bridge", at=at(s), sight=sight, capacity=400, occupancy=people, peak_p_m2=peak
    )


def _gate(s: float, *, total: int) -> Fact:
    body = CounterReading(at=at(s), boot="b", seq=int(s), in_total=total, out_total=0)
    return fact(DeviceKind.COUNTER, "gate", body, s=s)


def _run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command("other")(lambda: None)
    export_command.register(app)
    result = CliRunner().invoke(app, ["export", *arguments])
    if isinstance(result.exception, CommandError):
        return result.exception.code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("subject", list(Subject))
def test_csv_and_parquet_hold_the_same_rows(
    filled: LoadedSite, tmp_path: Path, subject: Subject
) -> None:
    paths = [tmp_path / f"out.{ending}" for ending in ("csv", "parquet")]
    for path in paths:
        code, said = _run(subject, str(filled.path), *DAY, "--out", str(path))
        assert code == 0, said
    rows = _rows(paths[0])
    assert rows
    with duckdb.connect() as db:
        found = db.read_parquet(str(paths[1]))
        assert found.columns == list(rows[0])
        packed = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    assert [_told(row) for row in packed] == [_told(row) for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet"]


def _told(row: Mapping[str, object]) -> dict[str, str]:
    """A row without its times, which each form writes in its own way."""
    words = {name: "" if cell is None else str(cell) for name, cell in row.items()}
    words["exercise"] = words.get("exercise", "").lower()
    return {name: cell for name, cell in words.items() if name not in TIMES}


def test_visitors_are_what_the_forecast_is_judged_on(filled: LoadedSite, tmp_path: Path) -> None:
    out = tmp_path / "visitors.csv"
    assert _run("visitors", str(filled.path), *DAY, "--out", str(out))[0] == 0
    history = read_history(out)
    assert history.sites == ("s",)
    assert history.reported[0, 0, 3:11].tolist() == [45, *[60] * 7], (
        "its first quarter is counted from"
    )
    assert {row["hour"] for row in _rows(out)} == {str(hour) for hour in range(3, 11)}


def test_times_carry_the_sites_offset_and_a_peak_is_the_highest_of_its_step(
    filled: LoadedSite, tmp_path: Path
) -> None:
    out = tmp_path / "zones.csv"
    assert _run("zones", str(filled.path), *DAY, "--step-s", "3600", "--out", str(out))[0] == 0
    rows = _rows(out)
    assert rows[0] == {
        "at": "2026-02-18T03:00:00+08:00",
        "zone": "bridge",
        "occupancy": "26.5",
        "density_p_m2": "",
        "peak_p_m2": "2.0",
        "blind": "0.0",
        "partial": "0.0",
    }
    assert [row["at"][11:13] for row in rows] == [f"{hour:02}" for hour in range(3, 11)] + ["12"]


def test_a_blind_zone_has_empty_numbers(filled: LoadedSite, tmp_path: Path) -> None:
    out = tmp_path / "zones.csv"
    assert _run("zones", str(filled.path), *DAY, "--out", str(out))[0] == 0
    row = _rows(out)[-1]
    assert (row["occupancy"], row["peak_p_m2"], row["blind"]) == ("", "", "1.0")


def test_a_case_comes_with_who_took_it(filled: LoadedSite, tmp_path: Path) -> None:
    out = tmp_path / "cases.csv"
    assert _run("cases", str(filled.path), *DAY, "--out", str(out))[0] == 0
    (row,) = _rows(out)
    assert (row["level"], row["exercise"], row["closed"]) == ("red", "false", "")
    assert (row["taken"], row["taken_by"]) == ("2026-02-18T03:01:30+08:00", "operator")


def test_what_cannot_be_is_said_and_leaves_no_file(filled: LoadedSite, tmp_path: Path) -> None:
    site = str(filled.path)
    code, said = _run("zones", site, *DAY, "--out", str(tmp_path / "out.xlsx"))
    assert (code, ".parquet" in said) == (2, True)
    backwards = ("--from", "2026-02-18", "--to", "2026-02-17")
    code, said = _run("zones", site, *backwards, "--out", str(tmp_path / "out.csv"))
    assert (code, "lies before" in said) == (2, True)
    code, said = _run("zones", site, "--from", "soon", *DAY[2:], "--out", str(tmp_path / "out.csv"))
    assert (code, "--from soon" in said) == (2, True)
    (tmp_path / "file").touch()
    code, said = _run("zones", site, *DAY, "--out", str(tmp_path / "file" / "out.csv"))
    assert (code, "cannot be written" in said) == (3, True)
    lonely = tmp_path / "site.yaml"
    lonely.write_bytes(filled.path.read_bytes())
    code, said = _run("zones", str(lonely), *DAY, "--out", str(tmp_path / "out.csv"))
    assert (code, "there is no store" in said) == (3, True)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "site.yaml"}
