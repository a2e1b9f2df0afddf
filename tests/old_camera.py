"""A camera of MPEG-4 Part 2, which FFmpeg's reader knows and ours does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction

import av

from ingest.rtsp.reports import interleaved
from simulators.rtsp.packets import frame_packets
from tests.cameras import pictures


def old_coding() -> list[bytes]:
    """Pictures in MPEG-4 Part 2, which our reader does not know."""
    codec = av.CodecContext.create("mpeg4", "w")
    codec.width, codec.height, codec.pix_fmt = 320, 180, "yuv420p"
    codec.time_base, codec.gop_size, codec.bit_rate = Fraction(1, 10), 4, 400_000
    found = []
    for pixels in pictures(120):
        frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format="yuv420p")
        found += [bytes(each) for each in codec.encode(frame)]
    return found + [bytes(each) for each in codec.encode(None)]


SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    b"a=rtpmap:96 MP4V-ES/90000\r\na=control:video\r\n"
)


async def serve_old_coding(
    coded: list[bytes], sdp: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A camera that gives MPEG-4 Part 2 within its connection."""
    extra = {
        b"SETUP": b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
        b"DESCRIBE": b"Content-Type: application/sdp\r\nContent-Length: %d\r\n" % len(sdp),
    }
    method = b""
    while method != b"PLAY":
        head = await reader.readuntil(b"\r\n\r\n")
        method = head.split(b" ")[0]
        serial = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
        answer = b"RTSP/1.0 200 OK\r\n" + serial + b"\r\n" + extra.get(method, b"") + b"\r\n"
        writer.write(answer + (sdp if method == b"DESCRIBE" else b""))
    sequence = 0
    for count in range(10_000):
        data = coded[count % len(coded)]
        parts = [data[start : start + 1200] for start in range(0, len(data), 1200)]
        framed = frame_packets(parts, sequence=sequence, stamp=count * 9000, source=5)
        sequence += len(parts)
        writer.write(b"".join(interleaved(0, each) for each in framed))
        await writer.drain()
        await asyncio.sleep(0.1)


@asynccontextmanager
async def old_camera(*, name: bytes = b"-") -> AsyncIterator[str]:
    """Such a camera for the time of a context, which names itself so; its address."""
    coded, sdp = old_coding(), SDP.replace(b"s=-", b"s=" + name)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve_old_coding(coded, sdp, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"rtsp://u:p@127.0.0.1:{port}/x"
    finally:
        listening.close()
