"""A camera worker: follows its share, lets go when it is alone, and says when it is too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from config.schema import Camera
from config.strict import Words
from crowd.worker import CameraWord, Standing, Worker, _Strain
from model.clock import Clock, ManualClock, SystemClock
from model.facts import DensityBlind, DensityLive
from model.picture import Picture, SourceState
from model.workers import CameraStill
from tests.waiting import eventually
from wire.payloads import WorkerCameras

NAME = Words(zh="桥", en="Bridge")
CAMERAS = [Camera(id=name, name=NAME, url=f"rtsp://h/{name}") for name in ("a", "b", "c")]
Study = Callable[[Picture], Callable[[], None]]


class StillTap:
    """A camera's port that gives what the test tells it to."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.running = False
        self.dropped, self.foreign = 0, False

    async def run(self) -> None:
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False


@dataclass
class Room:
    """A worker with its ports held by the test."""

    taps: dict[str, StillTap] = field(default_factory=dict)
    readings: list[tuple[str, DensityLive | DensityBlind]] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    stills: list[CameraStill] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)

    def open_tap(
        self, camera: Camera, *, study: Study, on_state: Callable[[str, SourceState], None]
    ) -> StillTap:
        self.taps[camera.id] = StillTap(study)
        on_state(camera.id, SourceState.CONNECTING)
        return self.taps[camera.id]

    async def cameras(self, words: Sequence[CameraWord]) -> None:
        for camera, body in words:
            if isinstance(body, CameraStill):
                assert camera in self.looked_at, f"nobody looks at {camera}"
                self.stills.append(body)
            else:
                self.readings.append((camera, body))

    async def status(self, standing: Standing) -> None:
        self.standings.append(standing)

    def running(self) -> set[str]:
        return {name for name, tap in self.taps.items() if tap.running}


def working(act: Callable[[Worker, Room], Awaitable[None]], *, clock: Clock | None = None) -> Room:
    """Run `act` beside a worker."""
    room = Room()

    async def run() -> None:
        worker = Worker(
            CAMERAS,
            open_tap=room.open_tap,
            grounds={},
            corrections={},
            voice=room,
            clock=clock or SystemClock(),
        )
        task = asyncio.create_task(worker.run())
        await eventually(lambda: room.standings, within_s=30)
        await act(worker, room)
        task.cancel()

    asyncio.run(run())
    return room


def share(epoch: int, *cameras: str) -> WorkerCameras:
    return WorkerCameras(epoch=epoch, cameras=cameras)


def test_a_share_is_followed_and_an_older_one_is_not() -> None:
    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(5, "a", "b", "stranger"))
        await eventually(lambda: room.running() == {"a", "b"})
        worker.assign(share(4, "c"))
        worker.assign(share(5, "c"))
        worker.assign(share(6, "b", "c"))
        await eventually(lambda: room.running() == {"b", "c"})

    working(act)


def test_a_worker_says_how_many_of_its_cameras_its_site_file_lacks() -> None:
    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a", "stranger", "other"))
        await eventually(lambda: room.standings[-1].unknown == 2)
        assert room.standings[-1].cameras == 1
        worker.assign(share(2, "a"))
        await eventually(lambda: room.standings[-1].unknown == 0)

    working(act)


def noise(at: datetime) -> Picture:
    """A live picture of the camera `a`."""
    pixels = np.random.default_rng(3).integers(0, 256, (96, 1280, 3)).astype(np.uint8)
    return Picture(camera="a", at=at, arrived_monotonic_s=1.0, pixels=pixels)


def test_who_looks_sees_what_was_analysed_last_before_the_next_picture_comes() -> None:
    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a", "b"))
        await eventually(lambda: room.running() == {"a", "b"})
        worker.look("b", datetime.now(UTC) + timedelta(seconds=10))
        at = datetime(2026, 2, 14, 21, 30, tzinfo=UTC)
        picture = noise(at)
        room.taps["a"].study(picture)()
        await eventually(lambda: room.readings)
        room.looked_at.add("a")
        worker.look("a", datetime.now(UTC) + timedelta(seconds=10))
        await eventually(lambda: room.stills)
        worker.look("a", datetime.now(UTC) + timedelta(seconds=20))
        room.taps["a"].study(picture)()
        await eventually(lambda: len(room.stills) > 1)
        assert [(still.camera, still.at) for still in room.stills] == [("a", at)] * 2

    working(act)


def test_the_last_picture_of_a_camera_that_fell_silent_is_not_shown_and_none_to_a_look_that_is_over() -> (
    None
):
    clock = ManualClock(datetime(2026, 2, 14, 21, 30, tzinfo=UTC))

    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a"))
        await eventually(lambda: room.running() == {"a"})
        room.taps["a"].study(noise(clock.now()))()
        await eventually(lambda: room.readings)
        worker.look("a", clock.now() - timedelta(seconds=1))
        clock.advance(7)
        worker.look("a", clock.now() + timedelta(seconds=10))
        await eventually(lambda: len(room.readings) > 1)
        blind = room.readings[-1][1]
        assert isinstance(blind, DensityBlind)
        assert blind.reason == "stalled"
        room.looked_at.add("a")
        room.taps["a"].study(noise(clock.now()))()
        await eventually(lambda: room.stills)
        assert [still.at for still in room.stills] == [clock.now()]

    working(act, clock=clock)


def test_a_camera_whose_pictures_wait_unread_is_not_called_stalled() -> None:
    clock = ManualClock(datetime(2026, 2, 14, 21, 30, tzinfo=UTC))

    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a", "b"))
        await eventually(lambda: room.running() == {"a", "b"})
        room.taps["a"].dropped = room.taps["b"].dropped = 2
        room.taps["a"].study(noise(clock.now()))()
        await eventually(lambda: len(room.readings) == 1)
        room.taps["b"].dropped = 4
        clock.advance(7)
        await eventually(lambda: len(room.readings) > 2)
        said = {
            camera: body.reason for camera, body in room.readings if isinstance(body, DensityBlind)
        }
        assert said == {"a": "stalled", "b": "overloaded"}

    working(act, clock=clock)


def test_a_worker_too_slow_for_a_single_camera_says_so_as_nobody_else_does() -> None:
    """One camera in a thousand pictures is no tenth, and has no case of its own."""
    clock = ManualClock(datetime(2026, 2, 14, 21, 30, tzinfo=UTC))

    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a", "b"))
        await eventually(lambda: room.running() == {"a", "b"})
        clock.advance(7)
        before = len(room.standings)
        await eventually(lambda: len(room.standings) > before)
        assert not room.standings[-1].overloaded, "without a picture the fault is the camera's"
        for _ in range(50):
            room.taps["a"].study(noise(clock.now()))()
        room.taps["b"].dropped = 1
        before = len(room.standings)
        await eventually(lambda: len(room.standings) > before)
        assert room.standings[-1].overloaded

    working(act, clock=clock)


def test_a_worker_without_a_broker_lets_go_and_takes_the_same_share_up_again() -> None:
    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(5, "a", "b"))
        await eventually(lambda: room.running() == {"a", "b"})
        worker.let_go()
        await eventually(lambda: room.running() == set())
        worker.assign(share(5, "a", "b"))
        await eventually(lambda: room.running() == {"a", "b"})

    working(act)


def test_a_picture_is_read_beside_the_loop_and_said_on_it_unless_its_camera_was_given_up() -> None:
    async def act(worker: Worker, room: Room) -> None:
        worker.assign(share(1, "a"))
        await eventually(lambda: room.running() == {"a"})
        black = Picture(
            camera="a",
            at=datetime.now(UTC),
            arrived_monotonic_s=SystemClock().monotonic(),
            pixels=np.zeros((180, 320, 3), np.uint8),
        )
        say = await asyncio.to_thread(room.taps["a"].study, black)
        assert room.readings == []
        say()
        await eventually(lambda: len(room.readings) == 1)
        late = await asyncio.to_thread(room.taps["a"].study, black)
        worker.let_go()
        late()
        (await asyncio.to_thread(room.taps["a"].study, black))()

    room = working(act)
    ((camera, reading),) = room.readings
    assert camera == "a"
    assert isinstance(reading, DensityBlind)
    assert reading.reason == "black"


def test_a_worker_is_overloaded_while_more_than_a_tenth_gives_way_and_not_for_one_bad_moment() -> (
    None
):
    strain, read, dropped = _Strain(), 0, 0
    told: list[bool] = []
    for came, gave_way in [(10, 2), (10, 0), *[(10, 5)] * 4, *[(10, 0)] * 12]:
        read, dropped = read + came, dropped + gave_way
        told.append(strain.overloaded(read=read, dropped=dropped))
    assert told[:2] == [False, False]
    assert told[5] is True
    assert told[6] is True, "it is told to be well only when it is well for good"
    assert told[-1] is False
