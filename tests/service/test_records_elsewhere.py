"""Commands of a site that keeps its records on PostgreSQL ask there, and never an empty file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import config
from config.rules import Signal
from console.reports.figures import Period
from crowd.forecast.surroundings import Surroundings
from model.clock import ManualClock
from service import cli
from service.exits import WrongUseError
from service.looking import look_into, write_into
from service.past import fill
from service.reporting import Reporter
from service.site import LoadedSite, open_site
from store.embedded import FILE_NAME, StoreReader
from store.moved_history import Column
from store.postgres import PostgresAddress
from tests.config.site_text import GOOD
from tests.store.postgres_server import PostgresServer, postgres_server, program
from tests.store.words import at, case, order, transition

NOW = datetime(2026, 10, 5, 4, 0, tzinfo=UTC)
OWN_STORE = "store:\n  folder: data            # beside this file\n"
cli._load()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed; `make setup-test` installs it")
    with postgres_server() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> LoadedSite:
    """Five acts, one case with its order, and readings of a zone in the site's own folder."""
    path = tmp_path_factory.mktemp("elsewhere") / "site.yaml"
    path.write_text(GOOD + _records(server.database()), encoding="utf-8")
    loaded = open_site(path, secrets_needed=False)
    with write_into(loaded) as store, store.transaction() as tx:
        for number in range(5):
            tx.add_audit(at=at(number), actor="li", act="acknowledge", subject=f"case-{number}")
        opened = case()
        tx.save_case(opened, [transition()])
        tx.save_order(order("o-1", 1))
        moments = [at(second).timestamp() * 1000 for second in range(0, 600, 5)]
        crushed = [12.0] * len(moments)
        columns: dict[str, Column] = {"at_ms": moments, "sight": "live"}
        columns |= {"density_p_m2": crushed, "peak_p_m2": crushed}
        tx.add_history("zone", "bridge", columns)
    return loaded


def _records(there: PostgresAddress) -> str:
    return (
        "store:\n  records:\n"
        f"    {{host: {there.host}, port: {there.port}, database: {there.database},"
        f" username: {there.username}}}\n"
    )


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(cli.app, list(arguments))
    return getattr(outcome.exception, "code", outcome.exit_code), outcome.stdout


def test_the_audit_is_verified_and_exported_from_the_server(
    site: LoadedSite, tmp_path: Path
) -> None:
    code, told = run("audit", "verify", str(site.path), "--json")
    found = json.loads(told)
    assert (code, found["good"], found["records"]) == (0, True, 5)
    out = tmp_path / "audit.jsonl"
    assert run("audit", "export", str(site.path), "--out", str(out))[0] == 0
    assert run("audit", "verify", str(out), "--head", found["head"])[0] == 0
    assert run("audit", "verify", str(site.path), "--head", "f" * 64)[0] == 1


def test_a_case_is_replayed_from_the_server(site: LoadedSite) -> None:
    code, told = run("audit", "case", str(site.path), case().id, "--json")
    assert code == 0
    assert {entry["sort"] for entry in json.loads(told)} == {"step", "order"}


def test_rules_are_replayed_on_the_readings_of_the_folder(site: LoadedSite) -> None:
    assert any(rule.signal is Signal.ZONE_DENSITY for rule in site.site.rules)
    day = at(0).strftime("%Y-%m-%d")
    span = ("--from", day, "--to", at(2 * 24 * 3600).strftime("%Y-%m-%d"))
    code, told = run("rules", "replay", str(site.path), *span, "--json")
    body = json.loads(told)
    assert (code, body["readings"]) == (0, 120)
    assert body["now"]["crowd red"] == 1


def test_a_server_of_records_that_is_away_is_said_and_no_good_audit(
    site: LoadedSite, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_bytes((site.data_folder / FILE_NAME).read_bytes())
    away = PostgresAddress(host="127.0.0.1", port=9, database="none", username="nobody")
    path = tmp_path / "site.yaml"
    path.write_text(GOOD + _records(away), encoding="utf-8")
    code, told = run("audit", "verify", str(path), "--json")
    assert (code, told) == (3, "")


def test_a_made_up_past_has_its_records_on_the_server_and_is_mixed_with_nothing(
    server: PostgresServer, tmp_path: Path
) -> None:
    shipped = Path(config.__file__).parent / "sites" / "shichahai-small.yaml"
    path = tmp_path / "site.yaml"
    text = shipped.read_text(encoding="utf-8")
    assert OWN_STORE in text
    path.write_text(text.replace(OWN_STORE, _records(server.database())), encoding="utf-8")
    loaded = open_site(path, secrets_needed=False)
    told = fill(loaded, days=1, seed=3, clock=ManualClock(NOW))
    assert told.cases > 0
    with look_into(loaded) as store:
        assert len(store.cases(limit=500)) == told.cases
        report = Reporter(loaded.site, store, Surroundings()).report(Period.WEEKLY, NOW.date(), NOW)
    assert report.receipts.sent == told.orders
    with StoreReader.look(loaded.data_folder) as alone:
        assert alone.cases() == []
        assert alone.sources("zone")
    (loaded.data_folder / FILE_NAME).unlink()
    with pytest.raises(WrongUseError, match="already"):
        fill(loaded, days=1, seed=3, clock=ManualClock(NOW))
