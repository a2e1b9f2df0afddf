"""The desk of the console's benchmark in a real Chromium: how soon a number is painted, what it costs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.bench_console_looks import measure_looks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE_MS = 120_000
SETTLED_SHARE = 0.1
"""Memory is compared from here on: before, the page still fills its charts and caches."""
HEAP_SAMPLES = 10

WATCH_NUMBER = """
(zone) => {
  const shown = () => document.querySelector(`[data-testid=zone-${zone}] [data-testid=occupancy]`);
  const digits = () => Number(shown()?.textContent.replace(/\\D/g, '') ?? NaN);
  window.paintedAt = {};
  new MutationObserver(() => {
    const number = digits();
    // The frame after the one that is being made: by then the number is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => (window.paintedAt[number] ??= Date.now())));
  }).observe(shown(), { characterData: true, childList: true, subtree: true });
}
"""


def chromium() -> str | None:
    """Where this machine's Chromium is; none where there is none, or no Playwright."""
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - for tests and this benchmark only
    except ImportError:
        return None
    return shutil.which("chromium") or shutil.which("chromium-browser")


def measure_desk(
    address: str,
    *,
    person: str,
    password: str,
    zone: str,
    told_at_ms: Callable[[], dict[int, float]],
    seconds: float,
    before_looks: Callable[[], None],
    looks: int,
) -> dict[str, object] | None:
    """The desk in a real Chromium; none where there is none.

    `told_at_ms` says when each number of people in `zone`, which never comes twice, was read. When the
    desk was looked at for long enough, `before_looks` is called, and then so many cameras are clicked.
    """
    program = chromium()
    if program is None:
        return None
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - as above

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"],
        )
        try:
            cookies = _sign_in(browser, address, person, password)
            first_s, page = _open_cold(browser, address, cookies)
            page.evaluate(WATCH_NUMBER, zone)
            figures = _look_on(page, seconds)
            painted = page.evaluate("window.paintedAt")
            ages = sorted(
                (at - told_at_ms()[int(number)]) / 1000
                for number, at in painted.items()
                if int(number) in told_at_ms()
            )
            before_looks()
            figures |= measure_looks(page, looks)
            return {
                "first_picture_s": round(first_s, 2),
                "reading_to_screen_p50_s": _at(ages, 0.5),
                "reading_to_screen_p95_s": _at(ages, 0.95),
                "readings_seen": len(ages),
                **figures,
                "seconds": seconds,
            }
        finally:
            browser.close()


def _at(ordered: list[float], share: float) -> float | None:
    return round(ordered[int(len(ordered) * share)], 3) if ordered else None


def _sign_in(browser: Browser, address: str, person: str, password: str) -> BrowserContext:
    """A profile that has signed in and done nothing else; it is handed on by its cookies."""
    context = browser.new_context()
    answer = context.request.post(
        f"http://{address}/api/v1/session", data={"person": person, "password": password}
    )
    if not answer.ok:
        raise RuntimeError(f"signing in failed: {answer.status}")
    return context


def _open_cold(browser: Browser, address: str, signed_in: BrowserContext) -> tuple[float, Page]:
    """The desk in a profile with nothing cached but the session; until zones have their numbers."""
    context = browser.new_context(
        viewport={"width": 1600, "height": 1000}, storage_state=signed_in.storage_state()
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    began = time.monotonic()
    page.goto(f"http://{address}/", wait_until="commit")
    page.get_by_test_id("occupancy").first.wait_for()
    return time.monotonic() - began, page


def _look_on(page: Page, seconds: float) -> dict[str, object]:
    """Memory after collecting what is dead, and how long the main thread had nothing to do."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def metrics() -> dict[str, float]:
        answer = session.send("Performance.getMetrics")
        return {one["name"]: float(one["value"]) for one in answer["metrics"]}

    def heap_mb() -> float:
        session.send("HeapProfiler.collectGarbage")
        return metrics()["JSHeapUsedSize"] / 1e6

    page.wait_for_timeout(seconds * SETTLED_SHARE * 1000)
    heaps = [heap_mb()]
    busy_s = watched_s = 0.0
    for _ in range(HEAP_SAMPLES):
        first = metrics()
        page.wait_for_timeout(seconds * (1 - SETTLED_SHARE) / HEAP_SAMPLES * 1000)
        last = metrics()
        busy_s += last["TaskDuration"] - first["TaskDuration"]
        watched_s += last["Timestamp"] - first["Timestamp"]
        heaps.append(heap_mb())
    return {
        "main_thread_idle": round(1 - busy_s / watched_s, 3),
        "heap_mb": [round(one, 1) for one in heaps],
        "heap_growth": round(heaps[-1] / heaps[0] - 1, 3),
    }
