"""A running service for end-to-end tests, with an ear and a mouth on its broker."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from model.clock import SystemClock
from service.meeting_point import find
from service.secrets_folder import make_missing, public_keys_path
from service.site import LoadedSite, open_site
from simulators.field import SimulatedField
from simulators.logbook import FieldEntry
from tests.waiting import wait_until
from wire.address import BrokerAddress
from wire.keys import read_public_keys
from wire.topics import Topics

SITE = """
site: {{id: s, name: {{zh: 什刹海, en: Shichahai}}, origin: {{lat: 39.9, lon: 116.4}}}}
broker: {{host: 127.0.0.1, port: {port}}}
keys: {{signing_key_file: orders.key, key_id: orders-1}}
console: {{host: 127.0.0.1, port: 0}}
zones:
  - id: bridge
    name: {{zh: 银锭桥, en: Yinding Bridge}}
    outline: [[-20, -20], [20, -20], [20, 20], [-20, 20]]
    usable_area_m2: 400
    m2_per_visitor: 1
cameras: {cameras}
counters:
  - {{id: gate, name: {{zh: 门, en: Gate}}, zone: bridge}}
sensors:
  - {{id: noise-1, name: {{zh: 噪声, en: Noise}}, zones: [bridge], silent_after_s: 3600}}
  - {{id: fire-1, name: {{zh: 火警, en: Fire}}, zones: [bridge], silent_after_s: 3600}}
terminals:
  - {{id: t1, name: {{zh: 一号, en: One}}, zones: [bridge]}}
  - {{id: t2, name: {{zh: 二号, en: Two}}, zones: [bridge]}}
bollards:
  - {{id: lane-1, name: {{zh: 车道, en: Lane}}, entrance: north, lane: 1}}
rules:
  - id: fire
    hazard: fire
    signal: alarm
    alarm: fire
    level: red
    hold_s: 0
    clear_hold_s: 0
    text: {{zh: 火警, en: Fire}}
plans:
  - id: fire-red
    hazard: fire
    level: red
    approval: none
    text: {{zh: 请离开, en: Please leave}}
    cancel: {{zh: 解除, en: Over}}
    raise_entrances: [north]
people:
  - {{id: operator, name: 值班员, roles: [operator]}}
"""


class Air:
    """One listener and speaker on the broker; keeps everything that was said on the site."""

    def __init__(self, address: BrokerAddress, topics: Topics) -> None:
        self.topics = topics
        self._heard: list[tuple[str, bytes]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="test-air")
        if address.username is not None:
            self._client.username_pw_set(address.username, address.password)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._address = address

    def start(self) -> None:
        self._client.connect(self._address.host, self._address.port)
        self._client.loop_start()
        wait_until(self._client.is_connected)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe(f"{self.topics.root}/#", 1)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._heard.append((message.topic, bytes(message.payload)))

    def say(self, topic: str, body: dict[str, Any] | bytes, *, retain: bool = False) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(30)

    def heard(self, topic_part: str) -> list[dict[str, Any]]:
        """Everything said on topics with this part, decoded, oldest first."""
        return [
            json.loads(body) for topic, body in list(self._heard) if topic_part in topic and body
        ]

    def last(self, topic_part: str) -> dict[str, Any] | None:
        return next(iter(reversed(self.heard(topic_part))), None)


class FieldThread:
    """The site's simulated devices, on a loop of their own."""

    def __init__(self, loaded: LoadedSite, address: BrokerAddress) -> None:
        self.log: list[FieldEntry] = []
        self.field = SimulatedField(
            loaded.site,
            public_keys=read_public_keys(public_keys_path(loaded.site, loaded.folder)),
            clock=SystemClock(),
            log=self.log.append,
        )
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulated field", daemon=True)
        self._task: asyncio.Task[None] | None = None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.field.run(self._address))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self.field.connected == len(self.field.lines), within_s=60)

    def stop(self) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)

    def do(self, act: Any) -> None:
        """Call something on the field from its own loop."""
        self._loop.call_soon_threadsafe(act)

    def did(self, what: str, device: str | None = None) -> list[FieldEntry]:
        return [
            entry
            for entry in list(self.log)
            if entry.what == what and device in (None, entry.device)
        ]


class Service:
    """`yinding serve` as a process of its own, to be stopped or killed."""

    def __init__(self, loaded: LoadedSite, *, workers: int = 0) -> None:
        self.loaded = loaded
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        wait_until(self._is_ready, within_s=90)

    def launch(self) -> None:
        """Begin it without waiting until it acts: it may stand by."""
        command = [sys.executable, "-m", "service.cli", "serve", str(self.loaded.path), "--tied"]
        with (self.loaded.folder / "serve.log").open("ab") as out:
            self._process = subprocess.Popen(
                [*command, "--workers", str(self._workers)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
            )

    def wait_until_acting(self, within_s: float) -> None:
        wait_until(self._is_ready, within_s=within_s)

    def said(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in (self.loaded.folder / "serve.log").read_text("utf-8")

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self, within_s: float) -> int:
        """Its exit code, once it ends by itself."""
        assert self._process is not None
        return self._process.wait(within_s)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self.loaded.folder / "serve.log").read_text("utf-8"))
        point = find(self.loaded.data_folder)
        if point is None or point.process != self._process.pid:
            return False
        return self.figures().get("yinding_broker_connected") == 1.0

    def figures(self) -> dict[str, float]:
        """What the service says of itself at /metrics; empty while it does not answer."""
        point = find(self.loaded.data_folder)
        if point is None:
            return {}
        try:
            with urlopen(f"{point.console}/metrics", timeout=5) as answer:  # noqa: S310 - loopback
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        pairs = (re.fullmatch(r"(\S+) (\S+)", line) for line in lines if not line.startswith("#"))
        return {pair[1]: float(pair[2]) for pair in pairs if pair}

    def refused(self, reason: str) -> float:
        return self.figures().get(f'yinding_refused_total{{reason="{reason}"}}', 0.0)

    def stop(self) -> int:
        """End it as an operator would; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


def make_site(folder: Path, *, port: int, cameras: str = "[]", text: str = SITE) -> LoadedSite:
    """A small site on a broker, with its keys."""
    path = folder / "site.yaml"
    path.write_text(text.format(port=port, cameras=cameras), encoding="utf-8")
    loaded = open_site(path, secrets_needed=False)
    make_missing(loaded.site, loaded.folder)
    return loaded


@contextmanager
def living(
    loaded: LoadedSite, address: BrokerAddress, *, workers: int = 0
) -> Iterator[tuple[Service, FieldThread, Air]]:
    """The service, its devices and an ear, all up; all ended afterwards."""
    service = Service(loaded, workers=workers)
    field = FieldThread(loaded, address)
    air = Air(address, Topics(loaded.site.site.id))
    air.start()
    try:
        service.start()
        field.start()
        yield service, field, air
    finally:
        field.stop()
        service.end()
        air.stop()
