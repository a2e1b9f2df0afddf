"""Asks one ONVIF device for its profiles and the addresses of their streams."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape

import msgspec

from ingest.onvif.calling import Caller
from ingest.onvif.document import Element
from model.clock import Clock

PROFILES_MOST = 32
SUB_LEAST_PX, SUB_BEST_PX = 480, 640
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One of a camera's streams as it is set up; what the camera does not say is null."""

    token: str
    name: str = ""
    codec: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    frames_per_s: float | None = None
    key_every_pictures: int | None = None
    kbit_per_s: int | None = None
    url: str | None = None

    def __str__(self) -> str:
        size = f"{self.width_px}×{self.height_px}" if self.width_px else "no video"
        rate = f"{self.frames_per_s:g}/s" if self.frames_per_s else ""
        return f"{self.token}: {self.name}, {self.codec or '–'} {size} {rate} {self.url or ''}".rstrip()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A camera by its own account."""

    maker: str
    model: str
    firmware: str
    profiles: list[Profile]

    @classmethod
    async def ask(cls, service: str, *, username: str, password: str, clock: Clock) -> Device:
        """Everything about one device; raises OnvifError with a named refusal."""
        caller = Caller(service, username=username, password=password, clock=clock)
        return await asyncio.to_thread(_ask, caller)


def _ask(caller: Caller) -> Device:
    caller.set_clock(caller.call(f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', signed=False))
    about = caller.call(f'<GetDeviceInformation xmlns="{_DEVICE}"/>')
    offers = caller.call(
        f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>'
    )
    media = caller.beside(offers.said("Media", "XAddr"))
    listed = caller.call(f'<GetProfiles xmlns="{_MEDIA}"/>', at=media)
    profiles = []
    for element in list(listed.all("Profiles"))[:PROFILES_MOST]:
        profile = _profile(element)
        if profile is not None and profile.codec is not None:
            profile = msgspec.structs.replace(profile, url=_stream(caller, media, profile.token))
        if profile is not None:
            profiles.append(profile)
    return Device(
        maker=about.said("Manufacturer")[:100],
        model=about.said("Model")[:100],
        firmware=about.said("FirmwareVersion")[:100],
        profiles=profiles,
    )


def _stream(caller: Caller, media: str, token: str) -> str | None:
    """The address of a profile's stream over TCP, at the host that we reached the camera at."""
    answer = caller.call(
        f'<GetStreamUri xmlns="{_MEDIA}"><StreamSetup>'
        f'<Stream xmlns="{_SCHEMA}">RTP-Unicast</Stream>'
        f'<Transport xmlns="{_SCHEMA}"><Protocol>RTSP</Protocol></Transport>'
        f"</StreamSetup><ProfileToken>{escape(token)}</ProfileToken></GetStreamUri>",
        at=media,
    )
    try:
        parts = urlsplit(answer.said("MediaUri", "Uri"))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"rtsp", "rtsps"} or not parts.hostname:
        return None
    host = f"[{caller.host}]" if ":" in caller.host else caller.host
    netloc = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


def _profile(element: Element) -> Profile | None:
    token = element.attributes.get("token", "")
    if not token or len(token) > 100:
        return None
    name = next((child.text.strip() for child in element.children if child.name == "Name"), "")
    video = element.first("VideoEncoderConfiguration")
    if video is None:
        return Profile(token=token, name=name[:100])
    return Profile(
        token=token,
        name=name[:100],
        codec=video.said("Encoding").lower()[:20] or None,
        width_px=_whole(video.said("Resolution", "Width")),
        height_px=_whole(video.said("Resolution", "Height")),
        frames_per_s=_whole(video.said("RateControl", "FrameRateLimit")),
        key_every_pictures=_whole(video.said("GovLength")),
        kbit_per_s=_whole(video.said("RateControl", "BitrateLimit")),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def choose(profiles: list[Profile]) -> tuple[Profile | None, str]:
    """The stream to read, and by which reason: the H.264 one nearest 640 pixels wide, not under 480."""
    readable = [one for one in profiles if one.codec in {"h264", "h265", "hevc"} and one.url]
    if not readable:
        return None, "no_readable_profile"
    shown = [one for one in readable if one.codec == "h264"] or readable
    sub = [one for one in shown if (one.width_px or 0) >= SUB_LEAST_PX]
    if not sub:
        return max(shown, key=lambda one: one.width_px or 0), "all_are_small"
    best = min(sub, key=lambda one: abs((one.width_px or 0) - SUB_BEST_PX))
    return best, "sub_stream" if (best.width_px or 0) <= 2 * SUB_BEST_PX else "only_large_streams"
