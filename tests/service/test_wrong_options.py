"""A command typed wrongly ends with the contract's code 2 and a line that names what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["demo", "--for", "40"], "--for"),
        (["demo", "--no-such-option"], "--no-such-option"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_a_wrong_option_is_named_and_is_wrong_use(typed: list[str], named: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "service.cli", *typed],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
