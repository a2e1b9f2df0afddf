"""FFmpeg's own reader, by PyAV, for cameras that ours does not understand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import av

from ingest.rtsp.address import Address
from ingest.rtsp.connection import Manner
from ingest.rtsp.decode import MAX_PIXELS, to_bgr
from ingest.rtsp.failure import CameraError, garbled, unreachable
from ingest.rtsp.picking import Seen
from model.clock import Clock
from model.picture import SourceState

if TYPE_CHECKING:
    from av.container import InputContainer

_LOG = logging.getLogger(__name__)
OPEN_S = 8.0
_NAMED = (
    (av.error.HTTPUnauthorizedError, SourceState.WRONG_PASSWORD),
    (av.error.HTTPForbiddenError, SourceState.WRONG_PASSWORD),
    (av.error.HTTPNotFoundError, SourceState.NOT_FOUND),
    (av.error.ExitError, SourceState.STALLED),
    (TimeoutError, SourceState.STALLED),
    (av.error.DecoderNotFoundError, SourceState.UNSUPPORTED_CODEC),
    (OSError, SourceState.UNREACHABLE),
)


class ForeignReader:
    """One connection, read on a thread of its own until it ends or is stopped.

    Key pictures alone are decoded where a coding has others. `on_seen` and `on_end` are called in
    this thread; `on_end` once, unless it was stopped. Pictures are stamped as they arrive.
    """

    def __init__(
        self, address: Address, manner: Manner, *, every_s: float, max_width: int, silent_s: float, clock: Clock,
        on_seen: Callable[[Seen], object], on_end: Callable[[CameraError], object],
    ) -> None:  # fmt: skip
        self._url = _with_password(address)
        self._options = {"rtsp_transport": manner.transport.value}
        if address.secure and manner.certificates is not None:
            self._options |= {"tls_verify": "1", "ca_file": str(manner.certificates)}
        self._every_s, self._max_width, self._silent_s = every_s, max_width, silent_s
        self._clock, self._on_seen, self._on_end = clock, on_seen, on_end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="foreign reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End at the next packet, or within the time that a silent camera has; does not wait."""
        self._stopped.set()

    def _run(self) -> None:
        try:
            with av.open(
                self._url,
                options=self._options,
                timeout=(OPEN_S, self._silent_s),
                # Cameras name themselves in any coding (GBK), and nobody reads it here.
                metadata_errors="replace",
            ) as box:
                self._read(box)
            failure = unreachable("the camera ended the stream")
        except (av.FFmpegError, OSError) as error:
            failure = _failure(error)
        except CameraError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whoever waits for this thread would wait for ever
            _LOG.error("FFmpeg's reader: our own error", exc_info=error)
            failure = garbled(f"FFmpeg's reader: our own error: {type(error).__name__}")
        if not self._stopped.is_set():
            self._on_end(failure)

    def _read(self, box: InputContainer) -> None:
        if not box.streams.video:
            raise CameraError(SourceState.NO_VIDEO, "FFmpeg finds no video")
        stream = box.streams.video[0]
        if (stream.width or 0) * (stream.height or 0) > MAX_PIXELS:
            raise garbled(f"pictures of {stream.width} x {stream.height} pixels")
        stream.thread_type = "NONE"
        stream.codec_context.skip_frame = "NONKEY"
        due_s = 0.0
        for frame in box.decode(stream):
            if self._stopped.is_set():
                return
            now_s = self._clock.monotonic()
            if now_s < due_s - 0.2 * self._every_s:
                continue
            due_s = max(due_s, now_s - self._every_s) + self._every_s
            pixels = to_bgr(frame, max_width=self._max_width)
            self._on_seen(Seen(pixels=pixels, at=self._clock.now(), came_s=now_s))


def _with_password(address: Address) -> str:
    if not address.username:
        return address.url
    parts = urlsplit(address.url)
    who = f"{quote(address.username, safe='')}:{quote(address.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc}"))


def _failure(error: Exception) -> CameraError:
    said = str(getattr(error, "strerror", None) or type(error).__name__)
    for kind, state in _NAMED:
        if isinstance(error, kind):
            return CameraError(state, f"FFmpeg: {said}")
    return garbled(f"FFmpeg: {said}")
