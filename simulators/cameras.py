"""A site's simulated cameras: clips handed out, moments of their key pictures spread."""

from __future__ import annotations

from collections.abc import Mapping

from model.clock import Clock
from simulators.rtsp.feed import CameraFeed, Clip
from simulators.rtsp.loop import Loop

GOLDEN_SHARE = 0.6180339887498949


def feeds_of(
    stages: Mapping[str, Mapping[str, Loop]], *, begin: Mapping[str, str] | str, clock: Clock
) -> dict[str, CameraFeed]:
    """One feed a camera from its loops by stage; loops that several cameras share are cut once.

    `begin` is the first stage, of each camera or of all. The cameras' phases are spread over a
    minute by the golden ratio, so that however many there are, no two bunch together.
    """
    clips: dict[int, Clip] = {}
    feeds = {}
    for number, (camera, loops) in enumerate(stages.items()):
        for loop in loops.values():
            if id(loop) not in clips:
                clips[id(loop)] = Clip(loop)
        cut = {stage: clips[id(loop)] for stage, loop in loops.items()}
        first = begin if isinstance(begin, str) else begin[camera]
        phase_s = (number * GOLDEN_SHARE % 1.0) * 60.0
        feeds[camera] = CameraFeed(cut, stage=first, clock=clock, phase_s=phase_s)
    return feeds
