"""Secrets come from the environment or a private file, and are none that everybody tries."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.credentials import SecretError, SecretFault, resolve_secret
from config.findings import SiteFileError
from config.site_file import load_site, missing_secrets
from tests.config.site_text import GOOD, write_site

STRONG = "lotus-7-heron-41"


def secret_file(folder: Path, text: str = STRONG + "\n", mode: int = 0o600) -> Path:
    path = folder / "camera.txt"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_secret_comes_from_a_private_file_beside_the_site_file(tmp_path: Path) -> None:
    secret_file(tmp_path)
    assert resolve_secret("file:camera.txt", tmp_path) == STRONG


def test_a_secret_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_PASSWORD", STRONG)
    assert resolve_secret("env:LAKE_PASSWORD", tmp_path) == STRONG


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("admin123", "everybody tries"),
        ("HikVision123", "everybody tries"),
        ("short7", "shorter than 8"),
        ("heron-water", "user name itself"),
        ("aaaaaaaaaaab", "too few different"),
        ("x" * 5000, "no secret"),
    ],
)
def test_a_default_or_empty_secret_is_refused_without_being_told(
    tmp_path: Path, text: str, why: str
) -> None:
    secret_file(tmp_path, text)
    with pytest.raises(SecretError, match=why) as refused:
        resolve_secret("file:camera.txt", tmp_path, username="heron-water")
    assert refused.value.fault is SecretFault.WEAK
    assert not text.strip() or text.strip() not in str(refused.value)


def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    secret_file(tmp_path, mode=0o644)
    with pytest.raises(SecretError, match="chmod 600") as refused:
        resolve_secret("file:camera.txt", tmp_path)
    assert refused.value.fault is SecretFault.EXPOSED


@pytest.mark.parametrize("reference", ["file:none.txt", "env:NOT_SET_ANYWHERE", "file:."])
def test_a_secret_that_is_not_there_is_missing(tmp_path: Path, reference: str) -> None:
    with pytest.raises(SecretError) as refused:
        resolve_secret(reference, tmp_path)
    assert refused.value.fault is SecretFault.MISSING


WITH_PASSWORD = GOOD.replace('/one"', '/one", username: eye, password: "file:camera.txt"')


def test_a_site_can_be_planned_without_its_secrets_but_not_started(tmp_path: Path) -> None:
    path = write_site(tmp_path, WITH_PASSWORD)
    assert load_site(path).cameras[0].username == "eye"
    assert [one.field for one in missing_secrets(path)] == [
        "keys.signing_key_file",
        "cameras[0].password",
    ]
    with pytest.raises(SiteFileError, match="cannot be read"):
        load_site(path, require_secrets=True)
    secret_file(tmp_path)
    secret_file(tmp_path).rename(tmp_path / "orders.key")
    secret_file(tmp_path)
    assert missing_secrets(path) == []
    load_site(path, require_secrets=True)


def test_a_weak_password_refuses_the_site_with_its_line(tmp_path: Path) -> None:
    path = write_site(tmp_path, WITH_PASSWORD)
    secret_file(tmp_path, "admin12345")
    with pytest.raises(SiteFileError) as refused:
        load_site(path)
    [one] = refused.value.findings
    assert (one.field, one.line) == ("cameras[0].password", 21)
    assert "everybody tries" in one.what
