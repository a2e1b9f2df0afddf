"""The announcer: what everyone may know, published after each commit.

Zones and warnings are retained on the broker, so that a screen that joins late sees them at once.
Nothing here decides; what cannot leave now is kept and leaves when the broker is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from importlib.metadata import version
from typing import Protocol

from crowd.assignment import Assigner
from model.cases import Case, CaseState
from model.clock import Clock
from model.commit import Commit, ZoneJudgement
from model.zones import ForecastPoint
from wire.codec import encode
from wire.payloads import ServiceStatus, warning_of, zone_state_of
from wire.topics import Topics

ZONE_EVERY_S = 1.0
BEAT_S = 10.0
VERSION = version("yinding")


class Speaker(Protocol):
    """The broker link, as far as the announcer needs it."""

    def keep(self, topic: str, payload: bytes) -> bool:
        """Want this message to stand retained on a topic, now or when the broker is back."""
        ...

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        qos: int = 1,
        confirmed: Callable[[bool], None] | None = None,
    ) -> bool:
        """Hand one message over; False where the broker is away."""
        ...


class Announcer:
    """Publishes zones, warnings, the cameras' shares and the service's own heartbeat."""

    def __init__(
        self,
        *,
        node: str,
        topics: Topics,
        speaker: Speaker,
        assigner: Assigner,
        clock: Clock,
        tz: tzinfo,
        warnings: Iterable[Case],
        forecast: Callable[[str], tuple[ForecastPoint, ...]] = lambda _: (),
    ) -> None:
        self._node = node
        self._topics = topics
        self._speaker = speaker
        self._assigner = assigner
        self._clock = clock
        self._tz = tz
        self._forecast = forecast
        self._zones: dict[str, tuple[ZoneJudgement, float]] = {}
        self._owed: dict[str, Case] = {
            case.id: case for case in warnings if case.subject_kind == "zone"
        }
        self._next_beat_s = 0.0

    def announce(self, commit: Commit, *, mono: float) -> None:
        """Publish what this commit changed, and what could not leave before."""
        for judgement in commit.zones:
            self._zone(judgement, mono)
        for case in commit.cases:
            if case.subject_kind == "zone":
                self._owed[case.id] = case
        self._warnings()
        self._assigner.observe(commit.facts)
        shares = self._assigner.changes(mono=mono, wall_ms=int(commit.at.timestamp() * 1000))
        for worker, share in shares.items():
            self._speaker.keep(self._topics.worker_cameras(worker), encode(share, tz=self._tz))
        if mono >= self._next_beat_s:
            self._next_beat_s = mono + BEAT_S
            self._say_status("online")

    def goodbye(self) -> None:
        """Say that the service ends on purpose."""
        self._say_status("offline")

    def _zone(self, judgement: ZoneJudgement, mono: float) -> None:
        zone = judgement.view.zone
        last, said_s = self._zones.get(zone, (None, 0.0))
        turned = (
            last is None
            or last.level is not judgement.level
            or last.view.sight is not judgement.view.sight
        )
        if not turned and mono - said_s < ZONE_EVERY_S:
            return
        told = zone_state_of(judgement.view, judgement.level, forecast=self._forecast(zone))
        state = encode(told, tz=self._tz)
        self._speaker.keep(self._topics.zone_state(zone), state)
        self._zones[zone] = (judgement, mono)

    def _warnings(self) -> None:
        """A closed warning is said once, and cleared from the broker when that has arrived."""
        for case in list(self._owed.values()):
            topic = self._topics.warning(case.id)
            body = encode(warning_of(case), tz=self._tz)
            if case.state is not CaseState.CLOSED:
                self._speaker.keep(topic, body)
                del self._owed[case.id]
            elif self._speaker.publish(topic, body, retain=True, confirmed=self._clearing(topic)):
                del self._owed[case.id]

    def _clearing(self, topic: str) -> Callable[[bool], None]:
        def clear(arrived: bool) -> None:  # noqa: ARG001, FBT001 - the link's signature
            self._speaker.keep(topic, b"")

        return clear

    def _say_status(self, state: str) -> None:
        status = ServiceStatus(
            state="online" if state == "online" else "offline",
            at=self._clock.now(),
            version=VERSION,
        )
        topic = self._topics.service_status(self._node)
        self._speaker.keep(topic, encode(status, tz=self._tz))
