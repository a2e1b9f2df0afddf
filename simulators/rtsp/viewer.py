"""One connection to a simulated camera: its requests answered, its pictures sent."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from simulators.rtsp.delivery import Delivery, Mailed, Post, Within
from simulators.rtsp.feed import CameraFeed, DueFrame, Fault
from simulators.rtsp.loop import Loop
from simulators.rtsp.packets import CLOCK_HZ, PAYLOAD_TYPE, frame_packets, sender_report
from simulators.rtsp.password import Gate

_LOG = logging.getLogger(__name__)
MAX_REQUEST_BYTES = 16_384
MAX_UNSENT_BYTES = 2_000_000
REPORT_EVERY_S = 5.0
SESSION_TIMEOUT_S = 60
_PORTS = re.compile(r"client_port=(\d{1,5})")
_INTERLEAVED = re.compile(r"interleaved=(\d+)(?:-(\d+))?")


class Audience(Protocol):
    """What a connection needs of its server."""

    username: str
    password: str
    feeds: Mapping[str, CameraFeed]
    prompt: bool
    datagrams: Post | None

    def entered(self, viewer: Viewer) -> None: ...
    def left(self, viewer: Viewer) -> None: ...


def description(loop: Loop) -> str:
    """The SDP of one camera."""
    sets = ",".join(b64encode(unit).decode() for unit in (loop.sps, loop.pps))
    return "\r\n".join(
        [
            "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_HZ}",
            f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={loop.sps[1:4].hex()};sprop-parameter-sets={sets}",
            f"a=framerate:{loop.fps}", "a=control:video", "",
        ]
    )  # fmt: skip


class Viewer(asyncio.Protocol):
    """A player's connection. Slow players lose pictures up to the next key picture; that is counted."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._gate = Gate(username=audience.username, password=audience.password)
        self._pending = b""
        self._transport: asyncio.Transport | None = None
        self._session = secrets.token_hex(8)
        self._delivery: Delivery = Within(self._write, 0)
        self._source = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._stamp_base = secrets.randbits(32)
        self._needs_key = True
        self._reported_at: int | None = None
        self.camera: str | None = None
        self.playing = False
        self.packets = self.octets = self.dropped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type for the checker
        self._transport = transport
        self._audience.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.playing = False
        self._audience.left(self)

    def close(self) -> None:
        """Break the connection off, as a power cut does."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while self._pending:
            if self._pending[0] == 0x24:
                if len(self._pending) < 4:
                    return
                size = 4 + int.from_bytes(self._pending[2:4], "big")
                if len(self._pending) < size:
                    return
                self._pending = self._pending[size:]
                continue
            head, mark, rest = self._pending.partition(b"\r\n\r\n")
            if not mark:
                if len(self._pending) > MAX_REQUEST_BYTES:
                    self.close()
                return
            lines = head.decode("latin-1").split("\r\n")
            fields = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:])
            }
            length = (
                int(fields.get("content-length", "0"))
                if fields.get("content-length", "0").isdigit()
                else 0
            )
            if len(rest) < length:
                return
            self._pending = rest[length:]
            self._request(lines[0], fields)

    def _request(self, line: str, fields: dict[str, str]) -> None:
        method, _, rest = line.partition(" ")
        url = rest.partition(" ")[0]
        self._sequence_number = fields.get("cseq", "0")
        camera = urlsplit(url).path.strip("/").removesuffix("/video")
        feed = self._audience.feeds.get(camera)
        if feed is not None and feed.fault is Fault.DROP:
            self.close()
            return
        if feed is not None and feed.fault is Fault.STALL:
            return
        if method == "OPTIONS":
            self._answer(200, {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"})
        elif not self._gate.admits(method, fields.get("authorization")):
            self._answer(
                401, [("WWW-Authenticate", challenge) for challenge in self._gate.challenges()]
            )
        elif feed is None:
            self._answer(404)
        else:
            self._serve(method, url, camera, feed, fields)

    def _serve(
        self, method: str, url: str, camera: str, feed: CameraFeed, fields: dict[str, str]
    ) -> None:
        session = {"Session": f"{self._session};timeout={SESSION_TIMEOUT_S}"}
        if method == "DESCRIBE":
            kind = {"Content-Type": "application/sdp", "Content-Base": url.rstrip("/") + "/"}
            self._answer(200, kind, description(feed.clip.loop))
        elif method == "SETUP":
            chosen = self._chosen(fields.get("transport", ""), feed)
            if chosen is None:
                self._answer(461)
                return
            self.camera = camera
            self._answer(200, {"Transport": f"{chosen};ssrc={self._source:08X}", **session})
        elif method == "PLAY" and self.camera is not None:
            self._answer(200, {"Range": "npt=now-", **session})
            self._audience.feeds[self.camera].begin()
            self.playing = True
        elif method in {"GET_PARAMETER", "SET_PARAMETER"}:
            self._answer(200, session)
        elif method == "TEARDOWN":
            self._answer(200, session)
            if self._transport is not None:
                self._transport.close()
        else:
            self._answer(455)

    def _chosen(self, wish: str, feed: CameraFeed) -> str | None:
        """The transport, as the answer names it; None where there is none that suits both."""
        ports, post = _PORTS.search(wish), self._audience.datagrams
        if "TCP" in wish:
            channels = _INTERLEAVED.search(wish)
            channel = int(channels[1]) if channels and int(channels[1]) < 255 else 0
            self._delivery = Within(self._write, channel)
            return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        if ports is None or post is None or self._transport is None:
            return None
        host = self._transport.get_extra_info("peername")[0]
        lossy = lambda: feed.fault is Fault.LOSSY  # noqa: E731 - asked at each picture
        self._delivery = Mailed(post, host, int(ports[1]), lossy=lossy)
        port = int(ports[1])
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={post.ports}"

    def _answer(
        self,
        status: int,
        fields: dict[str, str] | list[tuple[str, str]] | None = None,
        body: str = "",
    ) -> None:
        reason = {
            200: "OK",
            401: "Unauthorized",
            404: "Not Found",
            455: "Method Not Valid in This State",
            461: "Unsupported Transport",
        }
        lines = [f"RTSP/1.0 {status} {reason[status]}", f"CSeq: {self._sequence_number}"]
        pairs = fields.items() if isinstance(fields, dict) else fields or []
        lines += [f"{name}: {value}" for name, value in pairs]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        self._write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def garble(self, noise: Callable[[int], bytes]) -> None:
        """Send bytes that mean nothing."""
        self._write(noise(2048))

    def send(self, feed: CameraFeed, frames: list[DueFrame]) -> None:
        """Send pictures from the next key picture on, or from the last where the server is prompt."""
        if self._transport is None:
            return
        if self._audience.prompt and frames and not self.packets and feed.fault is Fault.NONE:
            frames = [*feed.since_key(frames[0].number), *frames]
        for frame in frames:
            if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                self._needs_key = True
            if self._needs_key and not frame.key:
                self.dropped += self.packets > 0
                continue
            self._needs_key = False
            self._send_one(feed, frame)

    def _send_one(self, feed: CameraFeed, frame: DueFrame) -> None:
        stamp = self._stamp_base + frame.number * CLOCK_HZ // feed.fps
        packets = frame_packets(
            frame.parts, sequence=self._sequence, stamp=stamp, source=self._source
        )
        if (
            self._reported_at is None
            or frame.number - self._reported_at >= REPORT_EVERY_S * feed.fps
        ):
            self._reported_at = frame.number
            report = sender_report(
                source=self._source, at=feed.taken_at(frame.number), stamp=stamp,
                packets=self.packets, octets=self.octets,
            )  # fmt: skip
            self._delivery.report(report)
        self._sequence = (self._sequence + len(frame.parts)) & 0xFFFF
        self.packets += len(frame.parts)
        self.octets += self._delivery.pictures(packets)
