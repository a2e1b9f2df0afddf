"""ONVIF against a simulated device on loopback: found, asked, its sub stream chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ingest.onvif.calling import OnvifError, Refusal
from ingest.onvif.device import Device, Profile, choose
from ingest.onvif.discovery import discover
from ingest.onvif.document import DocumentError, read_document
from model.clock import SystemClock
from simulators.onvif import OnvifDevice, SimulatedProfile

NAME, PASSWORD = "viewer", "se:cr@t<&>"


def profile(token: str, width_px: int, codec: str = "H264") -> SimulatedProfile:
    return SimulatedProfile(
        token=token,
        name=f"{token} stream",
        codec=codec,
        width_px=width_px,
        height_px=width_px * 9 // 16,
        frames_per_s=25,
        key_every_pictures=50,
        kbit_per_s=700,
        url=f"rtsp://192.0.2.9:8554/{token}?x=1&y=2",
    )


PROFILES = [profile("main", 1920), profile("sub", 640), profile("tiny", 320)]


def with_device(
    story: Callable[[OnvifDevice], Awaitable[None]],
    *,
    clock_off_s: float = 0.0,
    asks_http_digest: bool = False,
) -> None:
    async def run() -> None:
        device = OnvifDevice(
            PROFILES,
            username=NAME,
            password=PASSWORD,
            clock=SystemClock(),
            name="Bridge, north",
            clock_off_s=clock_off_s,
            asks_http_digest=asks_http_digest,
        )
        async with device, asyncio.timeout(60):
            await story(device)

    asyncio.run(run())


async def ask(service: str, password: str = PASSWORD) -> Device:
    return await Device.ask(service, username=NAME, password=password, clock=SystemClock())


async def refusal(service: str, password: str = PASSWORD) -> Refusal:
    with pytest.raises(OnvifError) as told:
        await ask(service, password)
    return told.value.refusal


def test_a_device_that_is_asked_says_where_it_is_and_what_it_is_called() -> None:
    async def story(device: OnvifDevice) -> None:
        found = await discover(("127.0.0.1", device.discovery_port), seconds=0.6)
        assert [one.addresses for one in found] == [[device.service]]
        assert (found[0].name, found[0].hardware) == ("Bridge, north", "Simulated")

    with_device(story)


@pytest.mark.parametrize(("clock_off_s", "asks_http_digest"), [(0, False), (86_400, False), (0, True)])  # fmt: skip
def test_its_profiles_and_their_addresses_are_read_whatever_way_it_wants_to_be_signed(
    clock_off_s: float, asks_http_digest: bool
) -> None:
    async def story(device: OnvifDevice) -> None:
        told = await ask(device.service)
        assert told.model == "Simulated camera"
        assert [one.token for one in told.profiles] == ["main", "sub", "tiny"]
        chosen, reason = choose(told.profiles)
        assert chosen is not None
        assert (chosen.token, reason) == ("sub", "sub_stream")
        assert chosen.url == "rtsp://127.0.0.1:8554/sub?x=1&y=2", "at the host that we reached"
        assert (chosen.width_px, chosen.key_every_pictures) == (640, 50)

    with_device(story, clock_off_s=clock_off_s, asks_http_digest=asks_http_digest)


def test_a_wrong_password_nobody_there_and_no_address_have_their_names() -> None:
    async def story(device: OnvifDevice) -> None:
        assert await refusal(device.service, "wrong") is Refusal.WRONG_PASSWORD
        assert "GetProfiles" not in device.calls
        assert await refusal("http://127.0.0.1:1/onvif/device_service") is Refusal.UNREACHABLE
        assert await refusal("rtsp://127.0.0.1/x") is Refusal.NO_ADDRESS

    with_device(story)


def test_noise_in_place_of_an_answer_is_garbled() -> None:
    async def story() -> None:
        async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"</s:Envelope>")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a><b></a")
            writer.close()

        listening = await asyncio.start_server(noise, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        assert await refusal(f"http://127.0.0.1:{port}/") is Refusal.GARBLED
        listening.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 60 + b"</a>" * 60,
        b"<a>" + b"<b/>" * 30_000 + b"</a>",
        b"<a>" + b"x" * 600_000 + b"</a>",
        b"<a>\xff</a>",
        b"",
    ],
)
def test_documents_that_no_device_needs_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentError):
        read_document(data)


def test_the_stream_to_read_is_the_one_nearest_to_640_pixels_that_browsers_can_show() -> None:
    def of(width_px: int, codec: str) -> Profile:
        return Profile(token=f"{codec}-{width_px}", codec=codec, width_px=width_px, url="rtsp://h/")

    def chosen(*profiles: Profile) -> tuple[str | None, str]:
        found, reason = choose(list(profiles))
        return (None if found is None else found.token), reason

    assert chosen(of(1920, "h264"), of(704, "h264"), of(640, "h265")) == ("h264-704", "sub_stream")
    assert chosen(of(1920, "h265"), of(640, "h265")) == ("h265-640", "sub_stream")
    assert chosen(of(1920, "h264"), of(320, "h264")) == ("h264-1920", "only_large_streams")
    assert chosen(of(352, "h264"), of(320, "h264")) == ("h264-352", "all_are_small")
    assert chosen(of(640, "jpeg")) == (None, "no_readable_profile")
