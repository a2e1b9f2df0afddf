"""The house itself: names, locks and layout that every later change must keep."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [
    "model",
    "config",
    "wire",
    "store",
    "ingest",
    "crowd",
    "alerts",
    "devices",
    "console",
    "service",
    "simulators",
    "tests",
]
MOST_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


def test_no_dependency_installs_a_package_of_our_names() -> None:
    intruders = [
        f"{dist.name}: {file}"
        for dist in distributions()
        if dist.name != "yinding"
        for file in dist.files or ()
        if file.parts[0] in ROOMS
        or file.name in {f"{room}.py" for room in ROOMS if not file.parent.parts}
    ]
    assert intruders == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_lives_in_it(room: str) -> None:
    assert (ROOT / room / "__init__.py").read_text(encoding="utf-8").startswith('"""')


def test_every_locked_python_package_has_a_hash_and_no_host() -> None:
    lock = (ROOT / "locks" / "requirements.txt").read_text(encoding="utf-8")
    packages = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line)]
    assert packages
    assert all(line.rstrip().endswith("\\") for line in packages)
    assert "://" not in lock


def test_the_page_lock_names_no_host() -> None:
    lock = (ROOT / "console" / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_every_direct_dependency_has_its_line_in_the_documents() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["train"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>=]", line)[0] for line in wanted}
    documented = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}`" not in documented} == set()


def test_modules_stay_readable_in_size() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py", "*.ts", "*.svelte")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_ci_runs_exactly_the_readme_test_command() -> None:
    commands = [
        line
        for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "set "))
    ]
    assert commands == ["make test"]
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
