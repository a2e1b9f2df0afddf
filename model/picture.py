"""A camera's picture on its way to analysis, and how its source is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class SourceState(StrEnum):
    """Why a camera gives pictures or gives none; each names another thing to mend.

    connecting: not tried to the end yet; live: pictures come; unreachable: nobody answers at the
    address, or the connection broke; untrusted: its certificate is not one to trust; stalled:
    connected, and nothing comes any more; wrong_password; busy: it has no bandwidth for one more stream;
    not_found: the camera knows no such stream; no_video: the stream has none; unsupported_codec: pictures
    in a coding or transport that is not read; garbled: what comes is no RTSP, or no pictures can be made of it.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    STALLED = "stalled"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a state
    BUSY = "busy"
    NOT_FOUND = "not_found"
    NO_VIDEO = "no_video"
    UNSUPPORTED_CODEC = "unsupported_codec"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A picture shortly after another one: its luma (H, W), as large or smaller, and how much later."""

    after_s: float
    luma: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One decoded picture: pixels (H, W, 3) BGR, when the camera took it, when it came in.

    `burst` are the pictures right after it, oldest first, where the camera is read in bursts.
    """

    camera: str
    at: datetime
    arrived_monotonic_s: float
    pixels: NDArray[np.uint8]
    burst: tuple[Following, ...] = ()
