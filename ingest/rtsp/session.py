"""One connection to one camera: asks for its stream and empties the socket now and then.

The socket is read when the caller drains it and not whenever bytes arrive: a camera sends some
twenty-five pictures a second, of which one every few seconds is wanted, and each waking costs more
than the reading.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.connection import READ_BYTES, Connection, Manner, Transport
from ingest.rtsp.datagrams import Datagrams
from ingest.rtsp.failure import CameraError, garbled, unreachable
from ingest.rtsp.login import Login
from ingest.rtsp.message import Response, read_message, request
from ingest.rtsp.reports import Receiver, interleaved, read_reports
from ingest.rtsp.sdp import VideoStream, video_stream
from ingest.rtsp.stamps import PictureTime
from ingest.rtsp.transport import Agreed, agreed, wish
from ingest.rtsp.units import CodedPicture, PictureGatherer
from model.clock import Clock
from model.picture import SourceState

MAX_DRAIN_BYTES = 4_000_000
TURN_S = 0.02
MAX_REDIRECTS = 3
REPORT_EVERY_S = 5.0
NOT_ENOUGH_BANDWIDTH, UNSUPPORTED_TRANSPORT = 453, 461
AGENT = "yinding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds that a camera has: to take the connection, and to answer each request."""

    connect_s: float = 4.0
    answer_s: float = 4.0


class CameraSession:
    """Open it, drain it until it fails, close it. Every failure is a CameraError with its state."""

    def __init__(
        self, address: Address, *, clock: Clock, deadlines: Deadlines | None = None,
        manner: Manner | None = None,
    ) -> None:  # fmt: skip
        self._address, self._clock = address, clock
        self._deadlines, self._manner = deadlines or Deadlines(), manner or Manner()
        self._login = Login(address.username, address.password)
        self._connection: Connection | None = None
        self._datagrams: Datagrams | None = None
        self._pending = b""
        self._answers: list[Response] = []
        self._serial = 0
        self._session = ""
        self._control = address.url
        self._channels = (0, 1)
        self._receiver = Receiver(secrets.randbits(32))
        self._keep_alive_s, self._kept_at, self._reported_at = 30.0, 0.0, 0.0
        self._keep_alive_method = "GET_PARAMETER"
        self._asked_again = self._shut_out = False
        self.stream: VideoStream | None = None
        self.gatherer: PictureGatherer | None = None
        self.times: PictureTime | None = None
        self.received_bytes = 0

    async def open(self) -> tuple[VideoStream, PictureGatherer]:
        """Connect, log in, set the stream up and start it."""
        for _ in range(MAX_REDIRECTS + 1):
            self._connection = await Connection.open(
                self._address, self._manner, within_s=self._deadlines.connect_s
            )
            answer = await self._exchange(
                "DESCRIBE", self._address.url, {"Accept": "application/sdp"}
            )
            location = answer.first("location")
            if not 300 <= answer.status < 400 or location is None:
                break
            self.close()
            try:
                self._address = self._address.redirected(location)
            except AddressError as error:
                raise garbled(f"sent to an address that is none: {error}") from error
        else:
            raise garbled(f"sent on more than {MAX_REDIRECTS} times")
        _require_success(answer, "DESCRIBE")
        base = answer.first("content-base") or answer.first("content-location") or self._address.url
        self.stream, self._control = video_stream(
            answer.body.decode("utf-8", "replace"), base_url=base
        )
        gatherer = PictureGatherer(self.stream.codec, parameter_sets=self.stream.parameter_sets)
        self.gatherer = gatherer
        self.times = PictureTime(self.stream.clock_hz)
        await self._set_up(self.stream)
        answer = await self._exchange("PLAY", self._control, {"Range": "npt=0.000-"})
        _require_success(answer, "PLAY")
        self._kept_at = self._reported_at = self._clock.monotonic()
        return self.stream, gatherer

    @property
    def transport(self) -> Transport:
        """How the pictures come."""
        return Transport.TCP if self._datagrams is None else Transport.UDP

    async def _set_up(self, stream: VideoStream) -> None:
        """Agree on a transport: the one asked for, or the other where the camera refuses it."""
        first = self._manner.transport
        other = Transport.TCP if first is Transport.UDP else Transport.UDP
        answer = await self._ask_for(first, stream)
        if answer.status == UNSUPPORTED_TRANSPORT:
            answer = await self._ask_for(other, stream)
        _require_success(answer, "SETUP")
        self._session, _, options = (answer.first("session") or "").partition(";")
        name, _, value = options.strip().partition("=")
        if name == "timeout" and value.isascii() and value.isdigit() and int(value) >= 4:
            self._keep_alive_s = min(int(value) / 2, 30.0)
        self._agree(agreed(answer.first("transport") or ""))

    async def _ask_for(self, transport: Transport, stream: VideoStream) -> Response:
        self._close_datagrams()
        if transport is Transport.UDP:
            self._datagrams = Datagrams.open(*self._open_connection().here)
        ports = None if self._datagrams is None else self._datagrams.ports
        return await self._exchange("SETUP", stream.control, {"Transport": wish(ports)})

    def _agree(self, terms: Agreed) -> None:
        if self._datagrams is None:
            self._channels = terms.channels or self._channels
        elif terms.channels is not None:
            # It was asked for datagrams and sends within the connection: that is as good.
            self._close_datagrams()
            self._channels = terms.channels
        else:
            camera = terms.source or self._open_connection().peer
            self._datagrams.expect(camera, terms.ports)

    async def _exchange(self, method: str, url: str, fields: dict[str, str]) -> Response:
        """Send a request and wait for its answer; logs in when the camera asks for it."""
        for _ in range(3):
            self._post(method, url, fields)
            answer = await self._answer(method)
            if answer.status != 401:
                return answer
            challenges = answer.fields.get("www-authenticate", [])
            tried = self._login.authorization(method, url) is not None
            stale = any("stale=true" in each.replace('"', "").lower() for each in challenges)
            if (tried and not stale) or not self._login.challenged(challenges):
                break
        raise CameraError(SourceState.WRONG_PASSWORD, "the camera refuses the name and password")

    def _post(self, method: str, url: str, fields: dict[str, str]) -> None:
        self._serial += 1
        whole = {"CSeq": str(self._serial), "User-Agent": AGENT, **fields}
        if self._session:
            whole["Session"] = self._session
        authorization = self._login.authorization(method, url)
        if authorization is not None:
            whole["Authorization"] = authorization
        self._open_connection().send(request(method, url, whole))

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise unreachable("not connected")
        return self._connection

    async def _answer(self, method: str) -> Response:
        try:
            async with asyncio.timeout(self._deadlines.answer_s):
                while True:
                    while self._answers:
                        answer = self._answers.pop(0)
                        if answer.first("cseq") in {str(self._serial), None}:
                            return answer
                    self._take(await self._open_connection().next())
                    # Who sends faster than we read never lets us wait: neither others nor the deadline had a turn.
                    await asyncio.sleep(0)
        except TimeoutError as error:
            raise CameraError(
                SourceState.STALLED, f"no answer to {method} within {self._deadlines.answer_s} s"
            ) from error

    def _take(self, chunk: bytes) -> list[CodedPicture]:
        self.received_bytes += len(chunk)
        return list(self._parse(self._pending + chunk if self._pending else chunk))

    def _parse(self, data: bytes) -> Iterator[CodedPicture]:
        """Take interleaved packets and messages apart; keeps an incomplete rest for the next time."""
        position, end = 0, len(data)
        (pictures, reports), gatherer = self._channels, self.gatherer
        while end - position >= 4:
            if gatherer is not None:
                position = gatherer.pass_over(data, position, pictures)
                if end - position < 4:
                    break
            if data[position] != 0x24:
                message, after = read_message(data, position)
                if message is None:
                    break
                if message.status:
                    self._answers.append(message)
                position = after
                continue
            stop = position + 4 + (data[position + 2] << 8 | data[position + 3])
            if stop > end:
                break
            channel = data[position + 1]
            if channel == pictures and gatherer is not None:
                picture = gatherer.packet(data, position + 4, stop)
                if picture is not None:
                    yield picture
            elif channel == reports:
                self._reported(data, position + 4, stop)
            position = stop
        self._pending = data[position:]

    def _reported(self, data: bytes, start: int, stop: int) -> None:
        said = read_reports(data, start, stop)
        if said.goodbye:
            raise unreachable("the camera ended the stream")
        if said.ntp is not None and self.times is not None:
            self._receiver.heard(said, self._clock.monotonic())
            self.times.report(said.ntp, said.stamp, self._clock.now())

    def drain(self) -> list[CodedPicture]:
        """What has come since the last time; keeps the session alive. Never waits.

        A flood of tiny packets costs far more a byte than pictures do: a turn is short in time too.
        """
        connection, found, taken = self._open_connection(), list[CodedPicture](), 0
        turn_ends_s = self._clock.monotonic() + TURN_S
        while taken < MAX_DRAIN_BYTES:
            chunk = connection.receive()
            if chunk is None:
                break
            found += self._take(chunk)
            taken += len(chunk)
            if len(chunk) < READ_BYTES and not connection.secure:
                break
            if self._clock.monotonic() >= turn_ends_s:
                break
        if self._datagrams is not None:
            found += self._drain_datagrams(self._datagrams)
        self._keep_alive()
        return found

    def _drain_datagrams(self, datagrams: Datagrams) -> Iterator[CodedPicture]:
        packets, reports, came = datagrams.drain()
        self.received_bytes += came
        for report in reports:
            self._reported(report, 0, len(report))
        if self.gatherer is not None:
            for packet in packets:
                picture = self.gatherer.packet(packet, 0, len(packet))
                if picture is not None:
                    yield picture

    def _keep_alive(self) -> None:
        now = self._clock.monotonic()
        if self._answers:
            if any(answer.status in {405, 501, 551} for answer in self._answers):
                self._keep_alive_method = "OPTIONS"
            elif any(answer.status == 454 for answer in self._answers):
                raise unreachable("the camera forgot the session")
            self._log_in_again()
            self._answers.clear()
        if now - self._kept_at >= self._keep_alive_s:
            self._kept_at, self._asked_again = now, False
            self._post(self._keep_alive_method, self._control, {})
        if now - self._reported_at >= REPORT_EVERY_S and self.gatherer is not None:
            self._reported_at = now
            report = self._receiver.report(self.gatherer.tally, now)
            if self._datagrams is not None:
                self._datagrams.report(report)
            else:
                self._open_connection().send(interleaved(self._channels[1], report))

    def _log_in_again(self) -> None:
        """Cameras renew their challenge while they play, and end a session that is not kept alive by it.

        One that refuses the answer to its newest challenge has another password by now: it gets no
        answer any more, which would lock the account, until it ends the session and refuses the next.
        """
        for answer in self._answers:
            if answer.status != 401 or self._shut_out:
                continue
            challenges = answer.fields.get("www-authenticate", [])
            if not self._asked_again and self._login.challenged(challenges):
                self._asked_again = True
                self._post(self._keep_alive_method, self._control, {})
            else:
                self._shut_out, self._keep_alive_method = True, "OPTIONS"
                self._login.forget()

    def _close_datagrams(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None

    def close(self) -> None:
        """Say goodbye without waiting for the answer, and close."""
        self._close_datagrams()
        if self._connection is None:
            return
        if self._session:
            try:
                self._post("TEARDOWN", self._control, {})
            except CameraError:
                self._session = ""
        self._connection.close()
        self._connection = None
        self._pending, self._answers = b"", []


def _require_success(answer: Response, method: str) -> None:
    if 200 <= answer.status < 300:
        return
    said = f"{method} answered {answer.status} {answer.reason}"
    if answer.status in {403, 407}:
        raise CameraError(SourceState.WRONG_PASSWORD, said)
    if answer.status == NOT_ENOUGH_BANDWIDTH:
        raise CameraError(SourceState.BUSY, said)
    if answer.status in {404, 410, 454}:
        raise CameraError(SourceState.NOT_FOUND, said)
    if answer.status in {415, 461}:
        raise CameraError(SourceState.UNSUPPORTED_CODEC, said)
    if answer.status >= 500:
        raise unreachable(said)
    raise garbled(said)
