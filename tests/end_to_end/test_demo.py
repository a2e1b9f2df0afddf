"""The whole evening as a stranger sees it: `yinding demo`, a real browser, and the summary after."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.look import WIDE, chromium, chromium_path, open_page
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "console.jpg"
NEW_PASSWORD = "lantern-festival-21-30"


class Demo:
    """A running demo; what it prints is kept as it comes."""

    def __init__(self, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        self._reader = threading.Thread(target=self._read, name="demo's words", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace"))

    def find(self, pattern: str) -> str | None:
        return next((found[1] for line in self.lines if (found := re.search(pattern, line))), None)

    def wait_for(self, pattern: str, *, within_s: float) -> str:
        wait_until(lambda: self.find(pattern) or self.process.poll() is not None, within_s=within_s)
        found = self.find(pattern)
        assert found is not None, "".join(self.lines[-40:])
        return found

    def finish(self, *, within_s: float) -> tuple[int, dict[str, object], str]:
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(within_s)
        self._reader.join(5)
        return code, json.loads(out), "".join(self.lines)


@contextmanager
def demo(*arguments: str) -> Iterator[Demo]:
    running = Demo(*arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(30)


def sign_in(page: Page, password: str) -> None:
    page.get_by_test_id("person").fill("operator")
    page.get_by_test_id("password").fill(password)
    page.get_by_test_id("submit").click()
    page.get_by_test_id("new-password").fill(NEW_PASSWORD)
    page.get_by_test_id("new-password-again").fill(NEW_PASSWORD)
    page.get_by_test_id("save-password").click()
    expect(page.get_by_test_id("desk")).to_be_visible(timeout=60_000)


@pytest.mark.alone
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(chromium_path() is None, reason="no Chromium on this machine")
def test_an_operator_lives_through_the_evening_and_nothing_is_missed(tmp_path: Path) -> None:
    with demo("--for", "90", "--json") as evening, chromium() as browser:
        url = evening.wait_for(r"(http://127\.0\.0\.1:\d+)\s*$", within_s=60)
        password = evening.wait_for(r"password\s+(\S+)", within_s=60)
        page = open_page(browser, url, language="en", size=WIDE)
        sign_in(page, password)
        bridge = page.get_by_test_id("zone-bridge")
        expect(bridge).to_be_visible()
        warning = page.get_by_test_id("case").filter(has_text="Yinding Bridge").first
        expect(warning).to_contain_text(re.compile("red", re.IGNORECASE), timeout=120_000)
        expect(page.get_by_test_id("lane-north-1")).to_contain_text(
            re.compile("Protecting"), timeout=30_000
        )
        shot = PICTURE if os.environ.get("YINDING_SCREENSHOTS") else tmp_path / "console.jpg"
        page.screenshot(path=shot, quality=80)
        assert shot.stat().st_size > 50_000
        warning.get_by_test_id("acknowledge").click()
        expect(warning.get_by_test_id("owner")).to_contain_text("Operator on duty", timeout=60_000)
        code, summary, words = evening.finish(within_s=150)
    assert code == 0, words[-3000:]
    assert summary["missed"] == 0
    assert summary["doubled"] == 0
    assert summary["silent"] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("broken", "told"),
    [("outbox", "missed"), ("receipts", "no receipt"), ("camera", "camera gulou")],
)
def test_a_broken_chain_exits_1_and_says_what(broken: str, told: str) -> None:
    with demo("--headless", "--for", "60", "--json", "--break", broken) as evening:
        code, summary, _ = evening.finish(within_s=200)
    assert code == 1
    assert any(told in line for line in summary["bad"]), summary["bad"]  # type: ignore[attr-defined]
