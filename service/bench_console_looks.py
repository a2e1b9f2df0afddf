"""A look at a camera in the console's benchmark: from the click to its moving picture with what was counted.

The cameras show the demo's clips from a process of their own: ten pictures a second, a key picture each two
seconds, and, as the demo's do, one for each new viewer.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import cv2
import numpy as np

from config.schema import Camera, SiteFile, Zone
from console.ports import Still
from ingest.live.relay import LiveRelay
from model.clock import Clock, SystemClock
from model.level import Sight
from service.exits import OutsideError
from simulators.cameras import feeds_of
from simulators.filming import film, shot_of
from simulators.rtsp.server import CameraServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

CAMERAS = 8
USERNAME = "bench"
FILMED_WITHIN_S = 300.0
DENSITY_P_M2 = 1.0
COLUMNS, ROWS = 32, 18
_SPAWN = get_context("spawn")

TAKE_LOOKS_DOWN = """
() => addEventListener('click', () => {
  const look = (window.look = { clicked: performance.now(), picture: null, both: null });
  let asked = null;
  let came = false;
  const seen = (one) => one && getComputedStyle(one).visibility === 'visible';
  const wait = () => {
    if (look !== window.look) return;
    const video = document.querySelector('[data-testid=watching] video');
    const overlay = document.querySelector('[data-testid=watching] [data-testid=overlay]');
    if (video && asked !== video) {
      asked = video;
      video.requestVideoFrameCallback(() => (came = true));
    }
    if (came && seen(video)) look.picture ??= performance.now();
    if (look.picture !== null && seen(overlay) && overlay.width > 1) look.both = performance.now();
    else requestAnimationFrame(wait);
  };
  wait();
}, { capture: true })
"""
"""In the page: `look` tells when was clicked, when a decoded picture of the film was on the screen, and
when what was counted lay over it too."""

LOOK_IS_COMPLETE = "() => window.look.both !== null"
LOOK_MS = (
    "() => [window.look.picture - window.look.clicked, window.look.both - window.look.clicked]"
)


class Stills:
    """Stills that come from nowhere: what is counted in a camera that somebody looks at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts = False
        _, coded = cv2.imencode(".jpg", np.full((180, 320, 3), 90, np.uint8))
        self._jpeg = bytes(coded)

    def begin(self) -> None:
        """Until now there are none: tiles that load stills are no part of what the desk costs."""
        self._counts = True

    def latest(self, camera: str) -> Still | None:
        if not self._counts:
            return None
        cells = bytes(number * 8 for number in range(COLUMNS)) * ROWS
        return Still(
            camera=camera, at=self._clock.now(), jpeg=self._jpeg, sight=Sight.LIVE, count=20.0,
            columns=COLUMNS, rows=ROWS, cells=cells, people_per_cell=0.2,
        )  # fmt: skip

    def watch(self, camera: str) -> None:
        del camera


def film_and_serve(
    camera: Camera, zone: Zone | None, password: str, parent: Connection
) -> None:  # pragma: no cover - a process of its own
    """A process's whole life: serve cameras until the parent closes its end."""
    asyncio.run(_serve(camera, zone, password, parent))


async def _serve(camera: Camera, zone: Zone | None, password: str, parent: Connection) -> None:
    loop = film(shot_of(camera, zone, DENSITY_P_M2, seed=1)).loop
    clock = SystemClock()
    feeds = feeds_of(
        {f"camera-{number}": {"all": loop} for number in range(CAMERAS)}, begin="all", clock=clock
    )
    server = CameraServer(feeds, username=USERNAME, password=password, clock=clock, prompt=True)
    async with server:
        parent.send(server.port)
        try:
            await asyncio.to_thread(parent.recv)
        except EOFError:
            return


@asynccontextmanager
async def filming_cameras(site: SiteFile, clock: Clock) -> AsyncIterator[LiveRelay]:
    """A relay of the site's cameras, behind whose addresses a few simulated ones film."""
    camera = site.cameras[0]
    zone = next((one for one in site.zones if one.id in camera.zones), None)
    password = secrets.token_urlsafe(12)
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(
        target=film_and_serve, args=(camera, zone, password, theirs), name="cameras", daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not await asyncio.to_thread(ours.poll, FILMED_WITHIN_S):
            raise OutsideError("the simulated cameras did not start")
        port = ours.recv()
        number_of = {one.id: number % CAMERAS for number, one in enumerate(site.cameras)}
        relay = LiveRelay(
            lambda camera: (
                f"rtsp://{USERNAME}:{password}@127.0.0.1:{port}/camera-{number_of[camera]}"
            ),
            clock=clock,
        )
        running = asyncio.ensure_future(relay.run())
        try:
            yield relay
        finally:
            running.cancel()
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()


def measure_looks(page: Page, looks: int) -> dict[str, object]:
    """Click so many cameras that nobody looked at, and each once more while its line still stands.

    A click is measured without the second or so in which the pointer rests on a tile before it: a
    person's hand would give the page that much of a start.
    """
    page.evaluate(TAKE_LOOKS_DOWN)
    tiles = page.locator("[data-testid^=camera-] button.watch")
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    for number in range(min(looks, tiles.count())):
        for found in (first, again):
            tiles.nth(number).click()
            page.wait_for_function(LOOK_IS_COMPLETE)
            picture_ms, both_ms = page.evaluate(LOOK_MS)
            found.append((both_ms / 1000, picture_ms / 1000))
            page.keyboard.press("Escape")
            page.get_by_test_id("watching").wait_for(state="detached")
            page.mouse.move(1, 1)
    return {
        "click_to_picture_p50_s": _middle([one[1] for one in first]),
        "click_to_picture_most_s": round(max(one[1] for one in first), 2),
        "click_to_overlay_p50_s": _middle([one[0] for one in first]),
        "click_again_to_picture_p50_s": _middle([one[1] for one in again]),
        "looks": len(first),
    }


def _middle(figures: list[float]) -> float:
    return round(sorted(figures)[len(figures) // 2], 2)
