"""`yinding check` tells a person and a program the same, with the contract's exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from config.json_schema import site_file_schema_text
from service.commands import check
from tests.config.site_text import GOOD, write_site

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    check.register(app)
    result = CliRunner().invoke(app, ["check", *arguments], standalone_mode=False)
    code = result.return_value if isinstance(result.return_value, int) else 1
    return code, result.stdout


def test_a_good_site_is_told_with_its_numbers(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)))
    assert code == 0
    assert "good: 2 zones, 1 cameras" in said


def test_a_bad_site_is_refused_line_by_line(tmp_path: Path) -> None:
    path = write_site(tmp_path, GOOD.replace("timezone:", "timezon:"))
    code, said = run(str(path))
    assert (code, said.splitlines()) == (
        2,
        [f"{path}:4: site.timezon: is not a key that can stand here, did you mean `timezone`?"],
    )


def test_a_program_reads_one_json_document(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)), "--json")
    told = json.loads(said)
    assert code == 0
    assert told["good"] is True
    assert told["site"]["terminals"] == 1
    assert [one["field"] for one in told["secrets_missing"]] == ["keys.signing_key_file"]
    code, said = run(str(write_site(tmp_path, "nothing")), "--json")
    assert (code, json.loads(said)["findings"][0]["line"]) == (2, 1)


def test_secrets_can_be_asked_for(tmp_path: Path) -> None:
    code, said = run(str(write_site(tmp_path)), "--secrets")
    assert code == 2
    assert "orders.key cannot be read" in said


@pytest.mark.parametrize("name", ["shichahai-small", "shichahai"])
def test_the_shipped_sites_are_good(name: str) -> None:
    code, said = run(str(ROOT / "config" / "sites" / f"{name}.yaml"))
    assert code == 0, said


def test_the_published_schema_is_the_codes_own() -> None:
    published = (ROOT / "docs" / "site-file.schema.json").read_text(encoding="utf-8")
    assert published == site_file_schema_text(), (
        "renew it: yinding check --schema > docs/site-file.schema.json"
    )
    assert run("--schema")[1] == published
