"""The embedded broker as a process: it comes up, carries a demo's load, and leaves no orphan."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap

import msgspec
import psutil
import pytest

from tests.waiting import wait_until
from wire.access import identity_classes
from wire.embedded_broker import EmbeddedBroker, EmbeddedBrokerError
from wire.field_link import FieldLink
from wire.topics import Filter, Topics

TOPICS = Topics("shichahai")


def test_it_listens_on_loopback_only_and_stops_when_told() -> None:
    broker = EmbeddedBroker(identity_classes(TOPICS))
    address = broker.start()
    alive = [broker.is_alive]
    try:
        assert (address.host, address.is_loopback) == ("127.0.0.1", True)
        with socket.create_connection((address.host, address.port), 5):
            pass
    finally:
        broker.stop()
    alive.append(broker.is_alive)
    assert alive == [True, False]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address.host, address.port), 5)


def test_it_ends_with_its_parent_even_when_that_is_killed() -> None:
    program = """
        import sys, time
        from wire.embedded_broker import EmbeddedBroker
        broker = EmbeddedBroker(())
        broker.start()
        print(broker._process.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(child) or _is_dead(child), within_s=60)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_port_that_is_taken_is_an_error_with_a_name() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        broker = EmbeddedBroker((), port=other.getsockname()[1])
        with pytest.raises(EmbeddedBrokerError):
            broker.start()
        assert not broker.is_alive


def test_a_demos_devices_all_speak_and_nothing_is_lost() -> None:
    devices, each = 60, 10
    broker = EmbeddedBroker(identity_classes(TOPICS))
    broker.start()
    field, service = broker.address("field"), broker.address("service")

    async def device(number: int) -> None:
        async with FieldLink(field, client_id=f"d{number}") as link:
            for value in range(each):
                await link.publish(TOPICS.reading(f"d{number}"), msgspec.json.encode(value))

    async def scene() -> dict[str, list[int]]:
        heard: dict[str, list[int]] = {}
        wanted = [Filter(topic=f"{TOPICS.root}/sensor/+/reading", qos=1)]
        async with (
            FieldLink(service, client_id="office", filters=wanted) as office,
            asyncio.timeout(60),
            asyncio.TaskGroup() as group,
        ):
            for number in range(devices):
                group.create_task(device(number))
            async for message in office.messages():
                heard.setdefault(message.topic, []).append(msgspec.json.decode(message.payload))
                if sum(map(len, heard.values())) == devices * each:
                    break
        return heard

    try:
        heard = asyncio.run(scene())
    finally:
        broker.stop()
    assert len(heard) == devices
    assert all(values == list(range(each)) for values in heard.values())


def test_a_client_that_goes_silent_is_given_up_and_its_will_spoken() -> None:
    broker = EmbeddedBroker(identity_classes(TOPICS))
    broker.start()
    field, service = broker.address("field"), broker.address("service")
    program = f"""
        import asyncio, os, signal
        from wire.address import BrokerAddress
        from wire.field_link import FieldLink
        from wire.link_terms import Will
        async def main():
            address = BrokerAddress(
                host="127.0.0.1", port={field.port}, username="field", password={field.password!r})
            will = Will("{TOPICS.root}/sensor/s1/status", b"offline")
            async with FieldLink(address, client_id="s1", will=will, keepalive_s=1):
                os.kill(os.getpid(), signal.SIGSTOP)
        asyncio.run(main())
    """

    async def scene() -> None:
        wanted = [Filter(topic=f"{TOPICS.root}/sensor/+/status", qos=1)]
        async with FieldLink(service, client_id="office", filters=wanted) as office:
            silent = await asyncio.create_subprocess_exec(
                sys.executable, "-c", textwrap.dedent(program)
            )
            try:
                async with asyncio.timeout(60):
                    async for message in office.messages():
                        assert message.payload == b"offline"
                        break
            finally:
                silent.kill()
                await silent.wait()

    try:
        asyncio.run(scene())
    finally:
        broker.stop()
