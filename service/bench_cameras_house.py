"""Our side of the camera bench: the whole service on disk, its workers measured from outside."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import psutil

from service.exits import OutsideError
from service.meeting_point import OBSERVER, broker_for, wait_for
from service.secrets_folder import make_missing
from service.site import LoadedSite, open_site
from store.embedded import Store
from wire.address import BrokerAddress
from wire.field_link import FieldLink, keep_connected
from wire.topics import Filter, Topics

UP_WITHIN_S = 60.0
FIRST_READING_S, FIRST_READING_EACH_S = 60.0, 0.5
LOOK_S = 0.1
GOODBYE_S = 20.0
SITE = """\
site: {{id: bench, name: {{zh: 测试, en: Bench}}, origin: {{lat: 39.9, lon: 116.4}}}}
broker: {{embedded: true}}
keys: {{signing_key_file: orders.key, key_id: orders-1}}
console: {{host: 127.0.0.1, port: 0}}
zones:
  - {{id: field, name: {{zh: 场, en: Field}}, outline: [[0, 0], [50, 0], [50, 50], [0, 50]], usable_area_m2: 2500, m2_per_visitor: 2}}
cameras:
"""
CAMERA = (
    "  - {{id: {name}, name: {{zh: 机, en: Camera}}, zones: [field], every_s: {every_s}, username: {user},"
    " password: 'file:camera.txt', url: '{url}'}}\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """Where the simulated cameras are: the address of each by its name, and who may ask."""

    urls: dict[str, str]
    username: str
    password: str


@dataclass
class Heard:
    """What a listener on the broker heard of each camera, and how old it was when the next came."""

    newest: dict[str, datetime] = field(default_factory=dict)
    readings: dict[str, int] = field(default_factory=dict)
    ages_s: dict[str, list[float]] = field(default_factory=dict)
    blind: int = 0

    def take(self, camera: str, payload: bytes) -> None:
        """One reading; a blind one counts as none."""
        body = json.loads(payload)
        if body["sight"] != "live":
            self.blind += 1
            return
        now, at = datetime.now(UTC), datetime.fromisoformat(body["at"])
        before = self.newest.get(camera)
        if before is not None:
            self.ages_s.setdefault(camera, []).append((now - before).total_seconds())
        self.newest[camera] = at
        self.readings[camera] = self.readings.get(camera, 0) + 1

    def restart(self) -> None:
        """Count from now on."""
        self.readings, self.ages_s, self.blind = dict.fromkeys(self.newest, 0), {}, 0

    def oldest_s(self, cameras: Sequence[str]) -> float:
        """How old a camera's newest reading was at most, those that are growing old now included."""
        now = datetime.now(UTC)
        ages = [age for camera in cameras for age in self.ages_s.get(camera, [])]
        ages += [(now - self.newest[camera]).total_seconds() for camera in cameras]
        return max(ages)

    def usual_age_s(self, cameras: Sequence[str]) -> float:
        """The mean age at which a reading gave way to the next."""
        return fmean(age for camera in cameras for age in self.ages_s.get(camera, [0.0]))


class Ear(threading.Thread):
    """Listens to a running service's cameras, on a thread and a connection of its own."""

    def __init__(self, address: BrokerAddress, topics: Topics) -> None:
        super().__init__(name="ear", daemon=True)
        self._address, self._topics = address, topics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.heard = Heard()

    def run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        wanted = (Filter(topic=f"{self._topics.root}/camera/+/density", qos=0),)

        async def session(link: FieldLink) -> None:
            async for message in link.messages():
                address = self._topics.parse(message.topic)
                if address is not None:
                    self.heard.take(address.device, message.payload)

        try:
            await keep_connected(
                lambda: FieldLink(self._address, client_id="bench-ear", filters=wanted), session
            )
        except asyncio.CancelledError:
            return

    def stop(self) -> None:
        """End, from another thread."""
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join(5)


def write_site(folder: Path, street: Street, *, every_s: float) -> LoadedSite:
    """A site with these cameras, its broker embedded and its store beside it on disk."""
    cameras = "".join(
        CAMERA.format(name=name, url=url, user=street.username, every_s=every_s)
        for name, url in street.urls.items()
    )
    path = folder / "site.yaml"
    path.write_text(SITE.format() + cameras, encoding="utf-8")
    secret = folder / "camera.txt"
    secret.touch(0o600)
    secret.write_text(street.password + "\n", encoding="utf-8")
    site = open_site(path, secrets_needed=False)
    make_missing(site.site, site.folder)
    return open_site(path)


class House:
    """A running service with its workers, and what is heard of it."""

    def __init__(self, site: LoadedSite, child: subprocess.Popen[bytes], ear: Ear) -> None:
        self._site, self._child, self._ear = site, child, ear
        self.cameras = [camera.id for camera in site.site.cameras]
        self.heard = ear.heard
        self.stored = 0
        """Readings on disk; known once the service has ended."""

    def workers(self) -> list[psutil.Process]:
        """The analysing side: one process per core."""
        children = psutil.Process(self._child.pid).children()
        return [each for each in children if "worker" in each.cmdline()]

    def rest(self) -> list[psutil.Process]:
        """The service itself and its broker."""
        service = psutil.Process(self._child.pid)
        return [service, *(each for each in service.children() if "worker" not in each.cmdline())]

    def until(self, condition: Callable[[], bool], *, within_s: float, what: str) -> float:
        """Wait; the seconds that it took. OutsideError after `within_s`, or when the service ended."""
        began_s = time.monotonic()
        while not condition():
            if self._child.poll() is not None:
                raise OutsideError(f"the service ended with code {self._child.returncode}")
            if time.monotonic() - began_s > within_s:
                raise OutsideError(f"{what} did not come about within {within_s:.0f} s")
            time.sleep(LOOK_S)
        return time.monotonic() - began_s

    def until_all_read(self, *, since: datetime | None = None) -> float:
        """Wait until each camera has a reading of a picture taken after that moment."""
        within_s = FIRST_READING_S + FIRST_READING_EACH_S * len(self.cameras)

        def read() -> bool:
            newest = self.heard.newest
            return all(
                camera in newest and (since is None or newest[camera] > since)
                for camera in self.cameras
            )

        return self.until(read, within_s=within_s, what="a reading of every camera")


@contextmanager
def running_house(street: Street, *, every_s: float, home: Path) -> Iterator[House]:
    """A service on these cameras for the time of a context, in a folder below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="house-", dir=home))
    site = write_site(folder, street, every_s=every_s)
    child = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", str(site.path), "--tied"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    ear: Ear | None = None
    house: House | None = None
    try:
        wait_for(site.data_folder, within_s=UP_WITHIN_S)
        ear = Ear(broker_for(site, OBSERVER), Topics(site.site.site.id))
        ear.start()
        house = House(site, child, ear)
        yield house
    finally:
        if ear is not None:
            ear.stop()
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if house is not None:
            house.stored = _stored(site.data_folder)
        shutil.rmtree(folder, ignore_errors=True)


def _stored(folder: Path) -> int:
    with Store.open(folder) as store:
        return store.counts()["readings"]
