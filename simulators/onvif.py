"""A simulated ONVIF camera: answers discovery and, over HTTP, for its clock, profiles and streams.

It checks signatures as a device does: the digest, a time within five minutes of its own clock, and
that no signature is used twice. It listens on the address that it is given, loopback by default.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec

from model.clock import Clock

MAX_REQUEST_BYTES = 65_536
SIGNED_WITHIN_S = 300
ANSWER_WITHIN_S = 5.0
_TEXTS = frozenset({"MessageID", "Username", "Password", "Nonce", "Created", "ProfileToken"})


class SimulatedProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One stream as the device describes it; `url` is where it says the stream is."""

    token: str
    name: str
    codec: str
    width_px: int
    height_px: int
    frames_per_s: int
    key_every_pictures: int
    kbit_per_s: int
    url: str


class OnvifDevice:
    """Listens while it is entered: HTTP for its services, UDP for discovery.

    `clock_off_s` sets its clock wrong; `asks_http_digest` makes it want HTTP digest authentication
    instead of a signature in the message.
    """

    def __init__(
        self, profiles: list[SimulatedProfile], *, username: str, password: str, clock: Clock, host: str = "127.0.0.1",
        name: str = "Camera", clock_off_s: float = 0.0, asks_http_digest: bool = False,
    ) -> None:  # fmt: skip
        self._profiles = {profile.token: profile for profile in profiles}
        self._username, self._password = username, password
        self._clock, self._off = clock, timedelta(seconds=clock_off_s)
        self._host, self._name, self._asks_http_digest = host, name, asks_http_digest
        self._nonce = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._used: set[str] = set()
        self._server: asyncio.Server | None = None
        self._ear: asyncio.DatagramTransport | None = None
        self.port = self.discovery_port = 0
        self.calls: list[str] = []

    @property
    def service(self) -> str:
        """The address of its device service."""
        return f"http://{self._host}:{self.port}/onvif/device_service"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        self._ear, _ = await loop.create_datagram_endpoint(
            lambda: _Ear(self), local_addr=(self._host, 0)
        )
        self.discovery_port = self._ear.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ear is not None:
            self._ear.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _now(self) -> datetime:
        return self._clock.now() + self._off

    def match(self, question: str) -> str:
        """The answer to a discovery question of this message id."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
            f"<a:RelatesTo>{escape(question)}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            f"<a:EndpointReference><a:Address>urn:uuid:{self._nonce}</a:Address></a:EndpointReference>"
            f"<d:Scopes>onvif://www.onvif.org/name/{quote(self._name)} onvif://www.onvif.org/hardware/Simulated"
            f"</d:Scopes><d:XAddrs>{self.service}</d:XAddrs>"
            "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
                }
                length = int(fields.get("content-length", "0"))
                if length > MAX_REQUEST_BYTES:
                    return
                body = await reader.readexactly(length)
                writer.write(self._answer(body, fields.get("authorization", "")))
                await writer.drain()
        except (
            OSError,
            ValueError,
            TimeoutError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            return
        finally:
            writer.close()  # fmt: skip

    def _answer(self, body: bytes, authorization: str) -> bytes:
        method, said = read_request(body)
        self.calls.append(method)
        if method != "GetSystemDateAndTime":
            if self._asks_http_digest and not self._http_digest(authorization):
                challenge = f'Digest realm="camera", nonce="{self._nonce}", qop="auth"'
                return _http("401 Unauthorized", "", f"WWW-Authenticate: {challenge}\r\n")
            if not self._asks_http_digest and not self._signed(said):
                return _http("400 Bad Request", _fault("NotAuthorized", "Sender not authorized"))
        answer = self._said(method, said)
        if answer is None:
            return _http("400 Bad Request", _fault("ActionNotSupported", "Unknown action"))
        return _http("200 OK", f"<{method}Response>{answer}</{method}Response>")

    def _signed(self, said: dict[str, str]) -> bool:
        try:
            nonce = b64decode(said.get("Nonce", ""), validate=True)
            created = datetime.fromisoformat(said.get("Created", ""))
        except (Base64Error, ValueError):
            return False
        text = nonce + said["Created"].encode() + self._password.encode()
        digest = b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode()
        fresh = (
            created.tzinfo is not None
            and abs((created - self._now()).total_seconds()) <= SIGNED_WITHIN_S
            and said["Nonce"] not in self._used
        )
        self._used.add(said["Nonce"])
        right = hmac.compare_digest(digest, said.get("Password", ""))
        return fresh and right and said.get("Username") == self._username

    def _http_digest(self, authorization: str) -> bool:
        fields = {
            name.strip(): value.strip().strip('"')
            for name, _, value in (
                part.partition("=") for part in authorization.removeprefix("Digest ").split(", ")
            )
        }

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        who = md5(f"{self._username}:camera:{self._password}")
        what = md5(f"POST:{fields.get('uri', '')}")
        middle = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        return hmac.compare_digest(md5(f"{who}:{middle}:{what}"), fields.get("response", ""))

    def _said(self, method: str, said: dict[str, str]) -> str | None:
        now = self._now()
        if method == "GetSystemDateAndTime":
            return (
                "<SystemDateAndTime><UTCDateTime>"
                f"<Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute><Second>{now.second}</Second></Time>"
                f"<Date><Year>{now.year}</Year><Month>{now.month}</Month><Day>{now.day}</Day></Date>"
                "</UTCDateTime></SystemDateAndTime>"
            )
        if method == "GetDeviceInformation":
            return (
                "<Manufacturer>Yinding</Manufacturer><Model>Simulated camera</Model>"
                "<FirmwareVersion>1</FirmwareVersion>"
            )
        if method == "GetCapabilities":
            # As behind an address translation: a host that the asker cannot reach.
            return "<Capabilities><Media><XAddr>http://192.0.2.9/onvif/media</XAddr></Media></Capabilities>"
        if method == "GetProfiles":
            return "".join(_described(profile) for profile in self._profiles.values())
        if method == "GetStreamUri" and said.get("ProfileToken") in self._profiles:
            url = self._profiles[said["ProfileToken"]].url
            return f"<MediaUri><Uri>{escape(url)}</Uri></MediaUri>"
        return None


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, device: OnvifDevice) -> None:
        self._device = device
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        method, said = read_request(data)
        if method == "Probe" and self._transport is not None:
            self._transport.sendto(self._device.match(said.get("MessageID", "")).encode(), addr)


def read_request(data: bytes) -> tuple[str, dict[str, str]]:
    """What is asked (the first element in the body) and the texts that matter; empty for no XML."""
    names: list[str] = []
    said: dict[str, str] = {}
    method = ""

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal method
        names.append(name.rpartition(" ")[2])
        if not method and len(names) > 1 and names[-2] == "Body":
            method = names[-1]

    def end(_name: str) -> None:
        names.pop()

    def text(letters: str) -> None:
        if names[-1] in _TEXTS:
            said[names[-1]] = said.get(names[-1], "") + letters

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's signature
    except expat.ExpatError:
        return "", {}
    return method, said


def _described(profile: SimulatedProfile) -> str:
    return (
        f'<Profiles token="{escape(profile.token)}"><Name>{escape(profile.name)}</Name>'
        f"<VideoEncoderConfiguration><Name>encoder</Name><Encoding>{escape(profile.codec)}</Encoding>"
        f"<Resolution><Width>{profile.width_px}</Width><Height>{profile.height_px}</Height></Resolution>"
        f"<RateControl><FrameRateLimit>{profile.frames_per_s}</FrameRateLimit>"
        f"<BitrateLimit>{profile.kbit_per_s}</BitrateLimit></RateControl>"
        f"<H264><GovLength>{profile.key_every_pictures}</GovLength></H264>"
        "</VideoEncoderConfiguration></Profiles>"
    )


def _fault(code: str, reason: str) -> str:
    return (
        '<s:Fault xmlns:ter="http://www.onvif.org/ver10/error"><s:Code><s:Value>s:Sender</s:Value>'
        f"<s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
    )


def _http(status: str, body: str, fields: str = "") -> bytes:
    whole = (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
        if body
        else ""
    ).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
        f"Content-Length: {len(whole)}\r\nConnection: close\r\n{fields}\r\n"
    )
    return head.encode() + whole
