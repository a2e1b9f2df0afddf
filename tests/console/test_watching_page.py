"""Watching a camera in a real Chromium: a click, and its own pictures move."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from console.ports import LiveWord
from ingest.live.relay import LiveRelay
from model.clock import SystemClock
from model.facts import Verb
from service.live_view import RelayedVideo
from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer
from tests.cameras import DEADLINES, PATIENCE, server
from tests.console import scenes
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import served
from tests.console.stage import CALM, Stage, staged
from tests.waiting import wait_until

pytestmark = IN_CHROMIUM
CAMERA = "bridge-north"
MOVES = "video => video.currentTime > 0.6 && video.videoWidth === 320"


class LateRelay:
    """A relay that lives in the console server's own loop, begun at the first look."""

    def __init__(self, cameras: CameraServer) -> None:
        self._cameras = cameras
        self._running: asyncio.Task[None] | None = None
        self._video: RelayedVideo | None = None

    @asynccontextmanager
    async def watch(self, camera: str) -> AsyncIterator[AsyncIterator[LiveWord]]:
        if self._video is None:
            relay = LiveRelay(
                self._cameras.url, clock=SystemClock(), patience=PATIENCE, deadlines=DEADLINES
            )
            self._video = RelayedVideo(relay)
            self._running = asyncio.create_task(relay.run(), name="live view")
            await asyncio.sleep(0)
        async with self._video.watch(camera) as words:
            yield words


@pytest.fixture
def cameras() -> Iterator[CameraServer]:
    """Simulated cameras on a loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated cameras", daemon=True)
    thread.start()
    simulated = server(CAMERA)
    asyncio.run_coroutine_threadsafe(simulated.__aenter__(), loop).result(60)
    yield simulated
    asyncio.run_coroutine_threadsafe(simulated.close(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


@pytest.fixture
def room(tmp_path: Path, cameras: CameraServer, browser: Browser) -> Iterator[tuple[Stage, Page]]:
    video = LateRelay(cameras)
    with staged(tmp_path / "store", SystemClock(), live_video=video) as stage:
        stage.enrol("viewer")
        with served(stage) as console:
            scenes.calm(stage)
            page = open_page(browser, console.url, language="en")
            sign_in(page, "viewer")
            yield stage, page
            page.context.close()


def test_a_click_on_a_camera_shows_its_moving_picture_and_escape_closes_it(
    room: tuple[Stage, Page], cameras: CameraServer
) -> None:
    stage, page = room
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").click()
    panel = page.get_by_test_id("watching")
    expect(panel).to_have_attribute("data-phase", "playing", timeout=60_000)
    video = panel.locator("video").element_handle()
    page.wait_for_function(MOVES, arg=video, timeout=60_000)
    expect(panel).to_contain_text("people")
    assert cameras.watching == 1
    assert {one.subject for one in stage.decisions if one.verb is Verb.LOOK} >= {CAMERA}

    cameras.set_fault(CAMERA, Fault.STALL)
    expect(panel).to_have_attribute("data-phase", "gone", timeout=60_000)
    expect(panel).to_contain_text("sends no more pictures")
    expect(panel.locator("img")).to_be_visible(timeout=60_000)
    cameras.set_fault(CAMERA, Fault.NONE)
    expect(panel).to_have_attribute("data-phase", "playing", timeout=60_000)

    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert errors == []


@pytest.mark.usefixtures("cameras")
def test_a_camera_that_goes_blind_while_it_is_watched_has_no_number(
    room: tuple[Stage, Page],
) -> None:
    stage, page = room
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").click()
    panel = page.get_by_test_id("watching")
    expect(panel).to_contain_text("people")
    expect(panel.get_by_test_id("overlay")).to_be_visible(timeout=60_000)
    stage.breathe(CALM, blind=frozenset({CAMERA}), step=3)
    expect(panel).to_contain_text("Blind")
    expect(panel).not_to_contain_text("people")
    expect(panel.get_by_test_id("overlay")).to_be_hidden()


def test_a_browser_that_cannot_play_the_coding_says_so_and_shows_stills(
    room: tuple[Stage, Page],
) -> None:
    _, page = room
    page.evaluate("() => { MediaSource.isTypeSupported = () => false; }")
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").click()
    panel = page.get_by_test_id("watching")
    expect(panel).to_contain_text("cannot play this camera's coding", timeout=60_000)
    expect(panel.locator("img")).to_be_visible(timeout=60_000)


def test_a_pointer_that_only_rests_on_a_tile_lets_its_line_go(room: tuple[Stage, Page]) -> None:
    """A live picture costs the camera and the service; nobody looks while a hand lies on the mouse."""
    _, page = room
    lines: list[WebSocket] = []
    page.on("websocket", lambda line: lines.append(line))  # noqa: PLW0108 - Playwright takes no built-in
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").hover()
    # Playwright hears of lines only while it is asked something.
    wait_until(lambda: page.title() and lines)
    (line,) = lines
    assert CAMERA in line.url
    wait_until(lambda: page.title() and line.is_closed())
    assert page.get_by_test_id("watching").count() == 0
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").click()
    panel = page.get_by_test_id("watching")
    expect(panel).to_have_attribute("data-phase", "playing", timeout=60_000)


def test_a_hidden_tab_lets_its_film_go_and_takes_it_up_again(
    room: tuple[Stage, Page], cameras: CameraServer
) -> None:
    """A console left open behind another tab would keep a camera busy all night."""
    _, page = room
    page.get_by_test_id(f"camera-{CAMERA}").get_by_role("button").click()
    panel = page.get_by_test_id("watching")
    expect(panel).to_have_attribute("data-phase", "playing", timeout=60_000)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    wait_until(lambda: cameras.watching == 0, within_s=60)
    page.evaluate(hide, False)
    expect(panel).to_have_attribute("data-phase", "playing", timeout=60_000)
    assert cameras.watching == 1
