"""Reads a camera's description of its streams (SDP, RFC 8866) for the one that has the pictures."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass

from ingest.rtsp.address import joined
from ingest.rtsp.failure import CameraError
from model.picture import SourceState

CODECS = {"H264": "h264", "H265": "hevc"}
MAX_LINES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The video that a camera offers: its coding, RTP payload type, clock, address and headers."""

    codec: str
    payload_type: int
    clock_hz: int
    control: str
    parameter_sets: tuple[bytes, ...] = ()


def video_stream(text: str, *, base_url: str) -> tuple[VideoStream, str]:
    """The first readable video and the address of the whole session, for PLAY.

    Raises CameraError: no_video where there is none, unsupported_codec where none is readable.
    """
    session_control = "*"
    media: list[list[str]] = []
    for line in text.splitlines()[:MAX_LINES]:
        if line.startswith("m="):
            media.append([line])
        elif media:
            media[-1].append(line)
        elif line.startswith("a=control:"):
            session_control = line.partition(":")[2].strip()
    videos = [lines for lines in media if lines[0].startswith("m=video")]
    if not videos:
        raise CameraError(SourceState.NO_VIDEO, "the camera's description names no video")
    whole = base_url if session_control == "*" else _join(base_url, session_control)
    seen = []
    for lines in videos:
        stream, coding = _read(lines, whole)
        if stream is not None:
            return stream, whole
        seen.append(coding)
    raise CameraError(SourceState.UNSUPPORTED_CODEC, f"pictures come as {', '.join(seen)[:100]}")


def _join(base_url: str, control: str) -> str:
    if "://" in control:
        return control
    if control.startswith("/"):
        return joined(base_url, control)
    # Some cameras keep a query in the base address; resolving by the rules would lose it.
    return base_url.rstrip("/") + "/" + control


def _read(lines: list[str], whole: str) -> tuple[VideoStream | None, str]:
    """One media section as a stream, or None and the coding that it has instead."""
    words = lines[0].split()
    types = [int(word) for word in words[3:] if word.isascii() and word.isdigit()]
    attributes = [line[2:].partition(":")[::2] for line in lines if line.startswith("a=")]
    control = next((value.strip() for name, value in attributes if name == "control"), "")
    coding = "an unnamed coding"
    for payload_type in types:
        mapping = _of_type(attributes, "rtpmap", payload_type)
        name, _, rest = mapping.partition("/")
        coding = name or coding
        if name.upper() not in CODECS:
            continue
        clock = rest.partition("/")[0]
        return VideoStream(
            codec=CODECS[name.upper()],
            payload_type=payload_type,
            clock_hz=int(clock)
            if clock.isascii() and clock.isdigit() and 0 < int(clock) < 10**9
            else 90_000,
            control=_join(whole, control) if control and control != "*" else whole,
            parameter_sets=_parameter_sets(_of_type(attributes, "fmtp", payload_type)),
        ), coding
    return None, coding


def _of_type(attributes: list[tuple[str, str]], name: str, payload_type: int) -> str:
    for found, value in attributes:
        kind, _, rest = value.strip().partition(" ")
        if found == name and kind == str(payload_type):
            return rest.strip()
    return ""


def _parameter_sets(fmtp: str) -> tuple[bytes, ...]:
    """Parameter sets that come in the description; unreadable ones are left out, they come in band."""
    sets: list[bytes] = []
    for part in fmtp.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() in {"sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"}:
            for piece in value.split(","):
                try:
                    sets.append(b64decode(piece.strip(), validate=True))
                except (binascii.Error, ValueError):
                    continue
    return tuple(each for each in sets if each)
