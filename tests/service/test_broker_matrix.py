"""Identity × verb × topic against a real Mosquitto with the generated configuration, TLS and all.

Every identity of a site tries to say and to hear every topic of the contract, its own and its
neighbour's. What it may is worked out here from the contract's sentences, not from the generator.
"""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.schema import SiteFile
from service.broker_files import PASSWORDS, identities, write_broker_files
from simulators.light_line import LightLine, LineFaultError
from tests.certificates import write_certificate
from tests.devices.rig import small_site
from tests.mosquitto import PROGRAM, free_port
from tests.waiting import wait_until
from wire.address import BrokerAddress
from wire.field_link import FieldLink, LinkRefusedError
from wire.topics import TOPIC_TABLE, Direction, Topics

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

SITE = small_site()
TOPICS = Topics(SITE.site.id)
DEVICES = {
    "camera": ["cam-1", "cam-2"],
    "counter": ["gate-1"],
    "sensor": ["noise-1", "fire-1"],
    "terminal": ["screen-1", "screen-2"],
    "bollard": ["lane-1", "lane-2"],
    "zone": ["bridge"],
    "warning": ["w-1"],
    "cap": ["w-1"],
    "service": ["yinding"],
    "worker": ["local-1"],
}
WORKER_SAYS = {"camera/density", "camera/status", "camera/still", "worker/status"}
WORKER_HEARS = {"camera/watch", "worker/cameras"}


def every_topic() -> Iterator[tuple[str, str, str, Direction]]:
    """(topic, `kind/leaf`, device, direction) of everything that anybody may want."""
    for row in TOPIC_TABLE:
        for device in DEVICES[row.kind]:
            topic = f"{TOPICS.root}/{row.pattern.replace('{id}', device)}"
            yield topic, f"{row.kind}/{row.leaf}", f"{row.kind}-{device}", row.direction


def may_say(name: str, what: str, owner: str, direction: Direction) -> bool:
    """Nobody but a device says what is the device's; nobody but the service says the rest."""
    if name == "service":
        return direction in (Direction.TO_FIELD, Direction.TO_ALL)
    if name == "worker":
        return what in WORKER_SAYS
    return name == owner and direction is Direction.FROM_FIELD


def may_hear(name: str, what: str, owner: str, direction: Direction) -> bool:
    """The service and observers hear all, a device its own orders."""
    if name in ("service", "observer"):
        return True
    if name == "worker":
        return what in WORKER_HEARS
    return name == owner and direction is Direction.TO_FIELD


@contextmanager
def broker(folder: Path, site: SiteFile) -> Iterator[tuple[int, int]]:
    """The generated files on this machine: the TLS port, and a plain one beside it for speed."""
    assert PROGRAM is not None
    secure, plain = free_port(), free_port()
    write_broker_files(site, folder, installed_at=str(folder), port=secure)
    (folder / "certs").mkdir()
    write_certificate(folder / "certs")
    path = folder / "mosquitto.conf"
    text = path.read_text("utf-8")
    text = text.replace("persistence true", "persistence false").replace(
        "persistence_location /var/lib/mosquitto/", ""
    )
    path.write_text(f"user root\n{text}\nlistener {plain} 127.0.0.1\n", "utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "-c", str(path)], stdout=log, stderr=log)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", plain)) == 0

    try:
        wait_until(answers, within_s=30)
        yield secure, plain
    finally:
        process.terminate()
        process.wait(10)


def password(folder: Path, name: str) -> str:
    return (folder / PASSWORDS / f"{name}.txt").read_text("utf-8").strip()


def test_nobody_says_or_hears_more_than_the_contract_allows(tmp_path: Path) -> None:
    with broker(tmp_path, SITE) as (_, port):
        asyncio.run(_matrix(tmp_path, port))


async def _matrix(folder: Path, port: int) -> None:
    """Everybody listens to everything; then each says everything."""
    topics = list(every_topic())
    heard: dict[str, set[tuple[str, bytes]]] = {name: set() for name in identities(SITE)}
    lines = {name: await _enter(folder, port, name, heard[name]) for name in heard}
    for name, line in lines.items():
        for topic, *_ in topics:
            line.publish(topic, name.encode())
        await _round_trip(line)
    for line in lines.values():
        # What the broker had for a listener stands before the answer to its own publication.
        line.publish(topics[0][0], b"after")
        await _round_trip(line)
        line.close()
    assert list(_wrong(topics, heard)) == []


async def _enter(folder: Path, port: int, name: str, heard: set[tuple[str, bytes]]) -> LightLine:
    def take(_line: LightLine, topic: str, payload: bytes) -> None:
        heard.add((topic, payload))

    word = password(folder, name)
    return await LightLine.open(
        BrokerAddress(host="127.0.0.1", port=port, username=name, password=word),
        client_id=f"matrix-{name}",
        filters=tuple(topic for topic, *_ in every_topic()),
        on_message=take,
    )


async def _round_trip(line: LightLine) -> None:
    async with asyncio.timeout(60):
        await line.settled.wait()


def _wrong(
    topics: list[tuple[str, str, str, Direction]], heard: dict[str, set[tuple[str, bytes]]]
) -> Iterator[str]:
    for sayer in heard:
        for topic, what, owner, direction in topics:
            said = may_say(sayer, what, owner, direction)
            for listener, got in heard.items():
                expected = said and may_hear(listener, what, owner, direction)
                if ((topic, sayer.encode()) in got) != expected:
                    yield f"{sayer} -> {topic} -> {listener}: {not expected}"


def test_nobody_comes_in_without_a_password_or_with_anothers_or_without_tls(
    tmp_path: Path,
) -> None:
    with broker(tmp_path, SITE) as (secure, plain):

        def tls(name: str | None, word: str | None) -> BrokerAddress:
            return BrokerAddress(
                host="127.0.0.1",
                port=secure,
                username=name,
                password=word,
                tls=True,
                ca_file=str(tmp_path / "certs" / "server.crt"),
            )

        async def enter(address: BrokerAddress) -> None:
            async with FieldLink(address, client_id="x"):
                pass

        asyncio.run(enter(tls("terminal-screen-1", password(tmp_path, "terminal-screen-1"))))
        for name, word in (
            (None, None),
            ("terminal-screen-1", password(tmp_path, "terminal-screen-2")),
            ("terminal-nobody", "x" * 20),
        ):
            with pytest.raises(LinkRefusedError):
                asyncio.run(enter(tls(name, word)))

        async def bare() -> None:
            await LightLine.open(BrokerAddress(host="127.0.0.1", port=plain), client_id="y")

        with pytest.raises(LineFaultError):
            asyncio.run(bare())


def test_passwords_are_private_kept_and_hashed_for_the_broker(tmp_path: Path) -> None:
    write_broker_files(SITE, tmp_path, installed_at="/etc/mosquitto/yinding", port=8883)
    before = password(tmp_path, "terminal-screen-1")
    write_broker_files(SITE, tmp_path, installed_at="/etc/mosquitto/yinding", port=8883)
    assert password(tmp_path, "terminal-screen-1") == before
    mode = (tmp_path / PASSWORDS / "terminal-screen-1.txt").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert before not in (tmp_path / "passwords.txt").read_text("utf-8")
    text = (tmp_path / "mosquitto.conf").read_text("utf-8")
    assert "allow_anonymous false" in text
    assert "certfile /etc/mosquitto/yinding/certs/server.crt" in text
    assert "max_queued_messages" in text
