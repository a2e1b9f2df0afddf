"""Both links over TLS: a certificate of our own authority is taken, any other is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from model.clock import SystemClock
from tests.certificates import write_certificate
from tests.mosquitto import running_mosquitto
from tests.waiting import wait_until
from wire.address import BrokerAddress
from wire.backoff import Backoff
from wire.field_link import FieldLink, LinkLostError
from wire.link import BrokerLink
from wire.link_terms import LinkState
from wire.topics import Topics

TOPICS = Topics("shichahai")
READING = TOPICS.reading("s1")


def certificate_lines(folder: Path) -> str:
    """The Mosquitto lines that use a certificate for loopback."""
    certificate, key = write_certificate(folder)
    return f"certfile {certificate}\nkeyfile {key}"


def link_to(address: BrokerAddress) -> BrokerLink:
    return BrokerLink(
        address,
        client_id="service-n1",
        filters=TOPICS.service_filters(),
        clock=SystemClock(),
        backoff=Backoff(first_s=0.05, cap_s=0.1),
    )


@pytest.mark.broker
def test_both_links_speak_over_tls_and_refuse_a_strangers_certificate(tmp_path: Path) -> None:
    extra = certificate_lines(tmp_path)
    with running_mosquitto(tmp_path, people={"all": "word"}, extra=extra) as mosquitto:
        secure = BrokerAddress(
            host="127.0.0.1",
            port=mosquitto.port,
            username="all",
            password="word",
            tls=True,
            ca_file=str(tmp_path / "server.crt"),
        )
        unknown = BrokerAddress(host="127.0.0.1", port=mosquitto.port, tls=True)

        async def say(address: BrokerAddress, count: int) -> None:
            async with FieldLink(address, client_id="s1") as device:
                for number in range(count):
                    await device.publish(READING, b"%d" % number + b" " * 2000)

        link = link_to(secure)
        link.start()
        try:
            assert link.wait_for(LinkState.CONNECTED, 30)
            asyncio.run(say(secure, 50))
            wait_until(lambda: link.waiting == 50)
            batch = link.take(50, 1)
            assert [int(one.payload) for one in batch] == list(range(50))
            link.ack(one.token for one in batch)
            wait_until(lambda: link.counts().acknowledged == 50)
        finally:
            link.stop()
        with pytest.raises(LinkLostError):
            asyncio.run(say(unknown, 1))
        stranger = link_to(unknown)
        stranger.start()
        try:
            wait_until(lambda: stranger.counts().attempts >= 3)
            assert stranger.state is LinkState.LOST
        finally:
            stranger.stop()


def test_an_address_never_shows_its_password() -> None:
    address = BrokerAddress(
        host="broker.example", port=8883, username="u", password="s3cret", tls=True
    )
    assert "s3cret" not in repr(address) + str(address) + f"{[address]}"
    assert str(address) == "mqtts://broker.example:8883"


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.5", False), ("x.cn", False)],
)
def test_loopback_is_told_from_everywhere_else(host: str, here: bool) -> None:
    assert BrokerAddress(host=host, port=1883).is_loopback is here
