"""Access by identity on a real broker: the shipped configuration, with the list of a site."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config.schema import Broker, Keys, Origin, Site, SiteFile, Terminal, Zone
from config.strict import Words
from model.facts import DeviceKind
from tests.certificates import write_certificate
from tests.mosquitto import LIMITS, running_mosquitto
from wire.access import mosquitto_access
from wire.address import BrokerAddress
from wire.field_link import FieldLink, LinkRefusedError
from wire.topics import Filter, Topics

NAME = Words(zh="银锭桥", en="Yinding Bridge")
TOPICS = Topics("small")
WORDS = {"service": "w1", "observer": "w2", "terminal-t1": "w3", "terminal-t2": "w4"}


def site() -> SiteFile:
    return SiteFile(
        site=Site(id="small", name=NAME, origin=Origin(lat=39.94, lon=116.38)),
        broker=Broker(host="127.0.0.1"),
        keys=Keys(signing_key_file="orders.pem", key_id="k1"),
        zones=[
            Zone(
                id="bridge",
                name=NAME,
                outline=[(0, 0), (10, 0), (10, 10)],
                usable_area_m2=50,
                m2_per_visitor=1,
            )
        ],
        terminals=[Terminal(id=one, name=NAME, zones=["bridge"]) for one in ("t1", "t2")],
    )


def test_every_device_has_its_own_topics_in_the_list_and_no_wildcard() -> None:
    text = mosquitto_access(site())
    (block,) = [part for part in text.split("\n\n") if part.startswith("user terminal-t1\n")]
    assert block.splitlines() == [
        "user terminal-t1",
        "topic write yinding/v1/small/terminal/t1/status",
        "topic write yinding/v1/small/terminal/t1/receipt",
        "topic read yinding/v1/small/terminal/t1/order",
    ]


@pytest.mark.broker
def test_a_device_cannot_speak_for_another_nor_order_anybody(tmp_path: Path) -> None:
    (tmp_path / "access.acl").write_text(mosquitto_access(site()))
    extra = f"acl_file {tmp_path / 'access.acl'}"
    own, other = (TOPICS.status(DeviceKind.TERMINAL, one) for one in ("t1", "t2"))
    order = TOPICS.order(DeviceKind.TERMINAL, "t2")

    with running_mosquitto(tmp_path, people=WORDS, extra=extra) as mosquitto:

        def address(name: str) -> BrokerAddress:
            return mosquitto.address(name, WORDS[name])

        async def scene() -> list[str]:
            everything = [Filter(topic=f"{TOPICS.root}/#", qos=1)]
            heard: list[str] = []
            async with (
                FieldLink(address("observer"), client_id="o", filters=everything) as observer,
                FieldLink(address("terminal-t1"), client_id="t1") as device,
                FieldLink(address("service"), client_id="s") as service,
            ):
                await device.publish(other, b"online")
                await device.publish(order, b"{}")
                await device.publish(own, b"online")
                await service.publish(order, b"{}")
                async with asyncio.timeout(60):
                    async for message in observer.messages():
                        heard.append(message.topic)
                        if len(heard) == 2:
                            break
            return heard

        assert asyncio.run(scene()) == [own, order]


@pytest.mark.broker
def test_the_shipped_configuration_starts_and_wants_a_name(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    (tmp_path / "access.acl").write_text(mosquitto_access(site()))
    shipped = (LIMITS.parent / "mosquitto.conf").read_text("utf-8")
    for there, here in {
        "include_dir /etc/mosquitto/yinding.d": "",
        "/etc/mosquitto/certs": str(tmp_path),
        "/etc/mosquitto": str(tmp_path),
        "persistence_location /var/lib/mosquitto/": "",
        "persistence true": "",
        "allow_anonymous false": "",
        f"password_file {tmp_path}/passwords": "",
    }.items():
        shipped = shipped.replace(there, here)
    with running_mosquitto(tmp_path, people=WORDS) as probe:
        port = probe.port
    shipped = shipped.replace("listener 8883", f"listener {port} 127.0.0.1")
    with running_mosquitto(tmp_path, people=WORDS, extra=shipped):
        secure = BrokerAddress(
            host="127.0.0.1",
            port=port,
            username="service",
            password=WORDS["service"],
            tls=True,
            ca_file=str(tmp_path / "server.crt"),
        )
        anonymous = BrokerAddress(
            host="127.0.0.1", port=port, tls=True, ca_file=str(tmp_path / "server.crt")
        )

        async def enter(address: BrokerAddress) -> None:
            async with FieldLink(address, client_id="s"):
                pass

        asyncio.run(enter(secure))
        with pytest.raises(LinkRefusedError):
            asyncio.run(enter(anonymous))
