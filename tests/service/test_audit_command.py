"""The audit is whole or names what is not; a case replays; changed rules show what they would do."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.site_file import inspect_site
from model.level import Sight
from model.zones import ZoneView
from service import cli
from store.embedded import Store
from tests.config.site_text import write_site

BEGIN = datetime(2026, 2, 14, 12, 0, tzinfo=UTC)
cli._load()


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(cli.app, list(arguments))
    code = getattr(outcome.exception, "code", outcome.exit_code)
    return code, outcome.stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = write_site(tmp_path)
    folder = path.parent / inspect_site(path)[0].store.folder
    with Store.open(folder) as store, store.transaction() as tx:
        for number in range(5):
            tx.add_audit(at=BEGIN, actor="li", act="acknowledge", subject=f"case-{number}")
        for second in range(0, 120, 2):
            peak = 12.0 if second >= 40 else 1.0
            tx.add_zone_views(
                [
                    ZoneView(
                        zone="bridge",
                        at=BEGIN + timedelta(seconds=second),
                        sight=Sight.LIVE,
                        capacity=180.0,
                        occupancy=peak * 20,
                        density_p_m2=peak / 2,
                        peak_p_m2=peak,
                    )
                ]
            )
    return path


def database(site: Path) -> sqlite3.Connection:
    folder = site.parent / inspect_site(site)[0].store.folder
    return sqlite3.connect(folder / "yinding.sqlite")


def test_a_whole_chain_is_good_also_when_it_was_exported(site: Path, tmp_path: Path) -> None:
    code, told = run("audit", "verify", str(site), "--json")
    found = json.loads(told)
    assert (code, found["good"], found["records"]) == (0, True, 5)
    out = tmp_path / "audit.jsonl"
    assert run("audit", "export", str(site), "--out", str(out))[0] == 0
    assert run("audit", "verify", str(out), "--head", found["head"])[0] == 0
    lines = out.read_text(encoding="utf-8").splitlines()
    out.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    assert run("audit", "verify", str(out))[0] == 0
    assert run("audit", "verify", str(out), "--head", found["head"])[0] == 1
    out.write_text("\n".join([lines[0], *lines[2:]]) + "\n", encoding="utf-8")
    code, told = run("audit", "verify", str(out), "--json")
    assert (code, json.loads(told)["broken_at"]) == (1, 3)
    out.write_text("nonsense\n", encoding="utf-8")
    assert run("audit", "verify", str(out))[0] == 1


def test_a_record_that_was_changed_by_hand_is_found(site: Path) -> None:
    with database(site) as db:
        db.execute("DROP TRIGGER audit_is_not_changed")
        db.execute("UPDATE audit SET record = replace(record, 'li', 'la') WHERE serial = 3")
    code, told = run("audit", "verify", str(site), "--json")
    assert (code, json.loads(told)["broken_at"]) == (1, 3)


def test_what_cannot_be_looked_into_is_said(site: Path, tmp_path: Path) -> None:
    assert run("audit", "verify", str(tmp_path / "nothing.yaml"))[0] == 2
    assert run("audit", "case", str(site), "case-none")[0] == 2


def test_rules_are_replayed_on_stored_readings_beside_changed_ones(
    site: Path, tmp_path: Path
) -> None:
    text = site.read_text(encoding="utf-8")
    assert "red: 5}" in text
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("red: 5}", "red: 50}"), encoding="utf-8")
    span = ("--from", "2026-02-14T19:59", "--to", "2026-02-14T20:10")
    code, told = run("rules", "replay", str(site), *span, "--json", "--changed", str(changed))
    body = json.loads(told)
    assert code == 0
    assert body["readings"] == 60
    assert body["moves"]
    assert body["moves"][0]["zone"] == "bridge"
    assert body["now"] != body["changed"]
    assert run("rules", "replay", str(site), *span)[0] == 0
    wrong = ("--from", "2026-02-14T20:10", "--to", "2026-02-14T19:59")
    assert run("rules", "replay", str(site), *wrong)[0] == 2
