"""What a console costs and how soon it shows: the real console on a full site, without a field.

The site is all of Shichahai with its 382 cameras, its zones cut up further until they are as many as asked; every
camera gives a reading each two seconds, straight into the feed. Measured in one run: the service's processor a console with 50 connected (in a process of their own),
from a reading to the message in a console's hands, what the pages' JavaScript weighs, and, where a
Chromium and Playwright are at hand, the first useful picture of a profile that has nothing cached,
from a reading to its number on the screen, how busy the page's main thread is, how its memory grows, and, from a
click on a camera, when its picture moves with what was counted over it.
"""

from __future__ import annotations

import asyncio
import gzip
import math
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvicorn
from argon2 import PasswordHasher

import config
from config.document import read_document
from config.schema import SiteFile, Zone
from console.app import STATIC, create_app
from console.diary import Noted
from console.ports import Accepted, LiveVideo, Verdict
from model.clock import SystemClock
from model.commit import Commit, ZoneJudgement
from model.facts import Decision, DensityLive, DeviceKind, Fact
from model.level import Sight
from model.zones import ZoneView
from service.bench_console_browser import chromium, measure_desk
from service.bench_console_looks import Stills, filming_cameras
from service.bench_console_watchers import connected
from service.live_view import RelayedVideo
from store.dispatches import Dispatches
from store.embedded import Store
from store.feed import Feed
from store.people import Accounts

SITE = Path(config.__file__).parent / "sites" / "shichahai.yaml"
PASSWORD = "a-bench-and-nobody-else"  # noqa: S105 - of a site that lives for a minute
PERSON = "sun"
_QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Signing in is not what is measured."""
TICK_S = 0.1
EVERY_S = 2.0
FEED_KB = 1024
PART_SHARE = 0.6


class _Quiet:
    """A desk and readiness that only say yes."""

    async def submit(self, decision: Decision) -> Verdict:
        return Accepted(decision=decision.id)

    def note(self, noted: Noted) -> bool:
        return noted is not None

    def unready(self) -> tuple[str, ...]:
        return ()


class _Field:
    """The whole site's readings, spread evenly over two seconds."""

    def __init__(self, site: SiteFile, feed: Feed, clock: SystemClock) -> None:
        self.site, self._feed, self._clock = site, feed, clock
        self._serial = 0
        self.told_at_ms: dict[int, float] = {}
        """When each number of people was told; none comes twice."""

    async def run(self) -> None:
        cameras, steps = self.site.cameras, round(EVERY_S / TICK_S)
        share = math.ceil(len(cameras) / steps)
        turn = 0
        while True:
            began = time.monotonic()
            now = self._clock.now()
            some = cameras[turn % steps * share : (turn % steps + 1) * share]
            facts = tuple(
                Fact(
                    kind=DeviceKind.CAMERA,
                    source=camera.id,
                    arrived=now,
                    arrived_monotonic_s=began,
                    body=DensityLive(
                        at=now,
                        count=20.0 + turn % 7,
                        count_low=18.0,
                        count_high=25.0,
                        density_p_m2=0.8,
                        peak_p_m2=1.6,
                        model="small",
                    ),
                )
                for camera in some
            )
            self._serial += 1
            self._feed.publish(
                Commit(serial=self._serial, at=now, facts=facts, zones=self._zones(turn))
            )
            turn += 1
            await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - began)))

    def _zones(self, turn: int) -> tuple[ZoneJudgement, ...]:
        now = self._clock.now()
        self.told_at_ms[turn] = now.timestamp() * 1000
        steps = round(1.0 / TICK_S)
        return tuple(
            ZoneJudgement(
                level=None,
                view=ZoneView(
                    zone=zone.id,
                    at=now,
                    sight=Sight.LIVE,
                    capacity=zone.capacity,
                    occupancy=float(turn),
                    occupancy_low=turn * 0.9,
                    occupancy_high=turn * 1.2,
                    density_p_m2=0.8,
                    peak_p_m2=1.6,
                    seen_at=now,
                    cameras_live=1,
                    cameras_total=1,
                ),
            )
            for number, zone in enumerate(self.site.zones)
            if number % steps == turn % steps
        )


@asynccontextmanager
async def _served(
    folder: Path, site: SiteFile, clock: SystemClock, stills: Stills, video: LiveVideo | None
) -> AsyncIterator[tuple[str, _Field]]:
    feed, quiet = Feed(), _Quiet()
    store = Store.open(folder, full_sync=False)
    accounts, dispatches = Accounts.open(folder, clock, hasher=_QUICK), Dispatches.open(folder)
    accounts.set_password(PERSON, PASSWORD)
    app = create_app(
        site=site,
        clock=clock,
        store=store,
        feed=feed,
        accounts=accounts,
        dispatches=dispatches,
        desk=quiet,
        pictures=stills,
        readiness=quiet,
        live_video=video,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_level="error",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.ensure_future(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    field = _Field(site, feed, clock)
    living = asyncio.ensure_future(field.run())
    try:
        yield f"127.0.0.1:{port}", field
    finally:
        living.cancel()
        server.should_exit = True
        await serving
        feed.close()
        accounts.close()
        dispatches.close()
        store.close()


async def _cookie(address: str) -> str:
    """Sign in by hand over one connection: what is measured is not the client."""
    reader, writer = await asyncio.open_connection(*address.split(":"))
    body = msgspec.json.encode({"person": PERSON, "password": PASSWORD})
    head = (
        f"POST /api/v1/session HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = (await reader.read()).decode("latin-1")
    writer.close()
    found = re.search(r"set-cookie: (yinding_session=[^;]+)", answer, re.IGNORECASE)
    if found is None:
        raise RuntimeError(f"signing in failed: {answer.splitlines()[:1]}")
    return found.group(1)


def javascript_kb(static: Path = STATIC) -> dict[str, float]:
    """What each page's scripts weigh with gzip, those that it asks for at once."""
    weights = {}
    for page in ("index.html", "phone.html"):
        text = (static / page).read_text(encoding="utf-8")
        scripts = set(re.findall(r"/(assets/[^\"]+\.js)", text))
        size = sum(len(gzip.compress((static / one).read_bytes(), 6)) for one in scripts)
        weights[page.removesuffix(".html")] = round(size / FEED_KB, 1)
    weights["all"] = round(
        sum(len(gzip.compress(one.read_bytes(), 6)) for one in (static / "assets").glob("*.js"))
        / FEED_KB,
        1,
    )
    return weights


@asynccontextmanager
async def _video(site: SiteFile, clock: SystemClock) -> AsyncIterator[LiveVideo | None]:
    """Live video of simulated cameras, where a browser can look at it."""
    if chromium() is None:
        yield None
        return
    async with filming_cameras(site, clock) as relay:
        yield RelayedVideo(relay)


def with_zones(site: SiteFile, number: int) -> SiteFile:
    """The site with at least so many zones: those beyond its own are the middles of its own, in turn."""
    more = [
        _middle(site.zones[extra % len(site.zones)], extra // len(site.zones) + 1)
        for extra in range(number - len(site.zones))
    ]
    return site.model_copy(update={"zones": [*site.zones, *more]})


def _middle(zone: Zone, time_cut: int) -> Zone:
    share = PART_SHARE**time_cut
    east = sum(point[0] for point in zone.outline) / len(zone.outline)
    north = sum(point[1] for point in zone.outline) / len(zone.outline)
    outline = [(east + (x - east) * share, north + (y - north) * share) for x, y in zone.outline]
    area_m2 = zone.usable_area_m2 * share**2
    return zone.model_copy(
        update={
            "id": f"{zone.id}-middle-{time_cut}",
            "outline": outline,
            "usable_area_m2": area_m2,
        }
    )


async def bench_console(
    *, consoles: int, zones: int, seconds: float, looks: int
) -> dict[str, object]:
    """All figures that need no browser; and those of a browser where one is at hand."""
    whole = SiteFile.model_validate(read_document(SITE).values)
    site, clock = with_zones(whole, zones), SystemClock()
    stills = Stills(clock)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            _video(site, clock) as video,
            _served(Path(folder), site, clock, stills, video) as (address, field),
        ):
            cookie = await _cookie(address)
            alone = await _processor_ms_per_s(seconds / 3)
            async with connected(address, cookie, consoles, seconds) as watching:
                together = await _processor_ms_per_s(seconds)
                watched = await watching
            ages = watched.ages_s
            figures: dict[str, object] = {
                "cameras": len(site.cameras),
                "zones": len(site.zones),
                "consoles": consoles,
                "service_alone_ms_per_s": round(alone, 2),
                "ms_per_s_per_console": round(max(0.0, together - alone) / consoles, 3),
                "kb_per_s_per_console": round(watched.received / consoles / seconds / FEED_KB, 1),
                "reading_to_console_p50_s": round(ages[len(ages) // 2], 3) if ages else None,
                "reading_to_console_p95_s": round(ages[int(len(ages) * 0.95)], 3) if ages else None,
                "javascript_kb": javascript_kb(),
            }
            figures["browser"] = await asyncio.to_thread(
                measure_desk,
                address,
                person=PERSON,
                password=PASSWORD,
                zone=site.zones[0].id,
                told_at_ms=lambda: field.told_at_ms,
                seconds=seconds,
                before_looks=stills.begin,
                looks=looks,
            )
            return figures


async def _processor_ms_per_s(seconds: float) -> float:
    before = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - before) / seconds * 1000
