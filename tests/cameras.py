"""A small clip of known pictures, simulated cameras that show it, and waiting inside a loop."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from ingest.cameras import CameraTap
from ingest.patience import Patience
from ingest.rtsp.connection import Manner
from ingest.rtsp.session import Deadlines
from model.clock import SystemClock
from model.picture import Picture, SourceState
from simulators.rtsp.feed import CameraFeed, Clip
from simulators.rtsp.loop import Loop, encode_loop
from simulators.rtsp.server import CameraServer

FPS, GOP = 10, 4
# Camera and client share one process here: on a busy machine both may stand still for a second,
# which must not pass for a camera that is silent.
PATIENCE = Patience(
    silent_s=2.5,
    no_picture_s=4.0,
    rare_keys_s=0.9,
    first_s=0.05,
    cap_s=0.2,
    not_found_cap_s=0.2,
    refused_first_s=0.05,
    refused_cap_s=0.2,
    garbled_most=10_000,
)
DEADLINES = Deadlines(connect_s=5.0, answer_s=2.5)
CALM = Patience(silent_s=40, no_picture_s=60, rare_keys_s=0.9, late_s=60, first_s=0.05, cap_s=0.2)
CALM_DEADLINES = Deadlines(connect_s=30, answer_s=30)
"""For tests in which nothing is wrong with the camera, however busy the machine is."""


def pictures(level: int, count: int = 2 * GOP) -> Iterator[NDArray[np.uint8]]:
    """Textured pictures 320×180 around a grey level, moving sideways."""
    rng = np.random.default_rng(level)
    ground = np.clip(rng.normal(level, 20, (180, 320, 3)), 0, 255).astype(np.uint8)
    for number in range(count):
        yield np.roll(ground, 4 * number, axis=1)


@cache
def clip(level: int = 120, people: int = 7) -> Clip:
    """A clip of 0.8 s: key pictures every 0.4 s, `people` visible in each picture."""
    return Clip(
        encode_loop(pictures(level), fps=FPS, gop=GOP, bit_rate=400_000, truth=[people] * 2 * GOP)
    )


def loop_of(level: int = 120) -> Loop:
    """The loop of `clip`."""
    return clip(level).loop


def server(
    *cameras: str, clock: SystemClock | None = None, udp: bool = False, tls: ssl.SSLContext | None = None
) -> CameraServer:  # fmt: skip
    """Simulated cameras with the stages calm (dark, 7 people) and crowded (bright, 70 people)."""
    clock = clock or SystemClock()
    stages = {"calm": clip(80, 7), "crowded": clip(180, 70)}
    feeds = {
        camera: CameraFeed(stages, stage="calm", clock=clock, phase_s=0.13 * number)
        for number, camera in enumerate(cameras)
    }
    return CameraServer(feeds, username="viewer", password="se:cr@t", clock=clock, udp=udp, tls=tls)


@dataclass
class Watcher:
    """Takes down what a tap gives."""

    pictures: list[Picture] = field(default_factory=list)
    states: list[SourceState] = field(default_factory=list)

    def tap(
        self, url: str, *, every_s: float = 0.1, camera: str = "east", patience: Patience = PATIENCE,
        burst: int = 0, manner: Manner | None = None, deadlines: Deadlines | None = None,
    ) -> CameraTap:  # fmt: skip
        """A tap that reports here and loses patience quickly."""
        return CameraTap(
            camera,
            url,
            every_s=every_s,
            clock=SystemClock(),
            study=lambda picture: partial(self.pictures.append, picture),
            on_state=lambda _, state: self.states.append(state),
            patience=patience,
            deadlines=deadlines or DEADLINES,
            burst=burst,
            manner=manner,
        )

    @property
    def state(self) -> SourceState | None:
        """How the camera stands."""
        return self.states[-1] if self.states else None
