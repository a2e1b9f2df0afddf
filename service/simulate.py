"""`yinding simulate`: a site's devices, simulated, against whatever broker the site names."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.schema import Camera
from model.clock import Clock
from model.facts import DeviceKind
from model.pinhole import MountingError
from service.exits import OutsideError, WrongUseError
from service.meeting_point import FIELD, OBSERVER, broker_for
from service.secrets_folder import public_keys_path
from service.site import LoadedSite
from simulators.cameras import feeds_of
from simulators.field import Fault as FieldFault
from simulators.field import SimulatedField
from simulators.filming import Take, film_all, shot_of
from simulators.listener import Listener
from simulators.logbook import Logbook
from simulators.playing import Stage, play
from simulators.rtsp.faults import FaultDesk
from simulators.rtsp.feed import Fault
from simulators.rtsp.loop import Loop, LoopError, video_loop
from simulators.rtsp.server import CameraServer
from simulators.scenario import Scenario
from wire.address import BrokerAddress
from wire.field_link import FieldLink, keep_connected
from wire.keys import KeyFileError, read_public_keys
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

CALM_P_M2 = 0.4
READY_WITHIN_S = 40.0
SHORTEST_S = 60.0
VIDEO_PREFIX = "video-"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What to simulate of a site, and how; see the command's help."""

    scenario: Scenario | None
    only: frozenset[DeviceKind] | None
    seed: int
    length_s: float | None
    within_s: float | None = None
    repeat: bool
    logs: Path | None
    videos: tuple[Path, ...] = ()
    drop_receipts: bool = False
    blank: str | None = None

    def wants(self, kind: DeviceKind) -> bool:
        """Whether devices of this kind are simulated."""
        return self.only is None or kind in self.only


Write = Callable[[Any], None]


def _logbook(stack: ExitStack, folder: Path | None, name: str) -> Write:
    if folder is None:
        return lambda _entry: None
    book = Logbook(folder / f"{name}.jsonl")
    stack.callback(book.close)
    return book.write


async def simulate(
    loaded: LoadedSite, options: SimulateOptions, *, clock: Clock, desk: FaultDesk | None = None
) -> None:
    """Run the simulated field: for one scenario, or without one (or repeating it) until cancelled.

    Cameras are broken at the `desk`.
    """
    began_s = clock.monotonic()
    takes = await asyncio.to_thread(_film, loaded, options)
    loops = await asyncio.to_thread(_loops, loaded, takes, options)
    address = await asyncio.to_thread(broker_for, loaded, FIELD)
    with ExitStack() as books:
        truth = _logbook(books, options.logs, "truth")
        field = SimulatedField(
            loaded.site,
            public_keys=_public_keys(loaded),
            clock=clock,
            log=_logbook(books, options.logs, "field"),
            only=options.only,
            seed=options.seed,
        )
        async with AsyncExitStack() as stack:
            server = None
            if loops:
                server = await stack.enter_async_context(_server(loaded, loops, clock))
                if desk is not None:
                    desk.serve(server)
            stage = Stage(
                loaded.site, cameras=server, takes=takes, field=field, clock=clock, truth=truth
            )
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            living = [tasks.create_task(field.run(address), name="field")]
            if options.logs is not None:
                air = _logbook(books, options.logs, "air")
                listening = _listen(loaded, Listener(Topics(loaded.site.site.id), clock, air))
                living.append(tasks.create_task(listening, name="listener"))
            _break(field, server, options)
            try:
                await _live(stage, field, server, options, clock, began_s=began_s)
            finally:
                log.info("the field stops: whoever watches its cameras loses them now")
            for each in living:
                each.cancel()


async def _live(
    stage: Stage,
    field: SimulatedField,
    server: CameraServer | None,
    options: SimulateOptions,
    clock: Clock,
    *,
    began_s: float,
) -> None:
    """Play the scenario once the field is there, or just be there."""
    await _ready(field, server, clock)
    if options.scenario is None:
        stage.open()
        await asyncio.Event().wait()
        return
    length_s = options.length_s or options.scenario.length_s
    if options.within_s is not None:
        length_s = pressed(length_s, options.within_s - (clock.monotonic() - began_s))
    while True:
        await play(stage, options.scenario, length_s=length_s, clock=clock)
        if not options.repeat:
            return


def pressed(length_s: float, left_s: float) -> float:
    """How long to play where so much time is left: shorter, but never under a minute, in which
    every hold of the shipped scenario still fits."""
    if left_s >= length_s:
        return length_s
    shorter_s = min(length_s, max(left_s, SHORTEST_S))
    log.warning("getting ready took long: played in %.0f s, not %.0f s", shorter_s, length_s)
    return shorter_s


async def _ready(field: SimulatedField, server: CameraServer | None, clock: Clock) -> None:
    """Wait until every device is on the broker and every camera is watched; go on after a while."""
    end_s = clock.monotonic() + READY_WITHIN_S
    while clock.monotonic() < end_s:
        devices = field.connected == len(field.lines)
        if devices and (server is None or server.watching >= len(server.feeds)):
            log.info("the field is ready")
            return
        await asyncio.sleep(0.1)
    log.warning(
        "not all of the field is up: %d of %d devices, %s cameras watched",
        field.connected,
        len(field.lines),
        "no" if server is None else f"{server.watching} of {len(server.feeds)}",
    )


def _film(loaded: LoadedSite, options: SimulateOptions) -> dict[tuple[str, str], Take]:
    """The clips of every calibrated or zoned camera, one for each crowd that it will see."""
    if not options.wants(DeviceKind.CAMERA):
        return {}
    zones = {zone.id: zone for zone in loaded.site.zones}
    shots = []
    for camera in _rendered(loaded):
        zone = zones[camera.zones[0]] if camera.zones else None
        densities: tuple[float, ...] = ()
        if options.scenario is not None and zone is not None:
            densities = options.scenario.densities_of(zone.id)
        try:
            shots += [
                shot_of(camera, zone, density, seed=options.seed)
                for density in densities or (CALM_P_M2,)
            ]
        except MountingError as error:
            raise WrongUseError(f"{loaded.path}: camera {camera.id}: {error}") from error
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return film_all(shots, cache=Path(home) / "yinding" / "clips")


def _rendered(loaded: LoadedSite) -> list[Camera]:
    return [each for each in loaded.site.cameras if not each.id.startswith(VIDEO_PREFIX)]


def _loops(
    loaded: LoadedSite, takes: Mapping[tuple[str, str], Take], options: SimulateOptions
) -> dict[str, dict[str, Loop]]:
    """Every camera's clips by stage; video files become the cameras `video-1`, `video-2`, …"""
    loops: dict[str, dict[str, Loop]] = {}
    for (camera, stage), take in takes.items():
        loops.setdefault(camera, {})[stage] = take.loop
    cameras = {camera.id for camera in loaded.site.cameras}
    for number, path in enumerate(options.videos, start=1):
        name = f"{VIDEO_PREFIX}{number}"
        if name not in cameras or not options.wants(DeviceKind.CAMERA):
            log.warning("%s: the site has no camera %s to show it", path, name)
            continue
        try:
            loops[name] = {"video": video_loop(path)}
        except LoopError as error:
            raise OutsideError(str(error)) from error
    return loops


def _server(
    loaded: LoadedSite, loops: Mapping[str, Mapping[str, Loop]], clock: Clock
) -> CameraServer:
    """One RTSP server for all cameras, at the address and with the password of the site file."""
    cameras = [camera for camera in loaded.site.cameras if camera.id in loops]
    places = {urlsplit(camera.url)[1] for camera in cameras}
    where = urlsplit(cameras[0].url)
    if len(places) > 1 or where.hostname not in LOOPBACK:
        raise WrongUseError(
            f"{loaded.path}: simulated cameras need one loopback address, not {sorted(places)}"
        )
    first = cameras[0]
    password = "" if first.password is None else loaded.secret(first.password)
    calmest = {
        camera: min(stages, key=lambda name: float(name) if name[0].isdigit() else 0.0)
        for camera, stages in loops.items()
    }
    feeds = feeds_of(loops, begin=calmest, clock=clock)
    return CameraServer(
        feeds,
        username=first.username or "",
        password=password,
        clock=clock,
        prompt=True,
        host=where.hostname or "127.0.0.1",
        port=where.port or 554,
    )


def _public_keys(loaded: LoadedSite) -> Any:
    try:
        return read_public_keys(public_keys_path(loaded.site, loaded.folder))
    except KeyFileError as error:
        raise WrongUseError(f"{error}\nyinding keys {loaded.path} makes it") from error


async def _listen(loaded: LoadedSite, listener: Listener) -> None:
    """Hear everything on the site's topics, on a connection that may only listen."""
    address: BrokerAddress = await asyncio.to_thread(broker_for, loaded, OBSERVER)
    root = Topics(loaded.site.site.id).root
    name = f"listener-{secrets.token_hex(4)}"

    async def session(link: FieldLink) -> None:
        async for message in link.messages():
            listener.hear(message.topic, message.payload, retained=message.retained)

    await keep_connected(
        lambda: FieldLink(address, client_id=name, filters=(Filter(topic=f"{root}/#", qos=1),)),
        session,
    )


def _break(field: SimulatedField, server: CameraServer | None, options: SimulateOptions) -> None:
    """Faults that were asked for, behind the scenario's back."""
    if options.drop_receipts:
        for kind, device in field.lines:
            if kind in (DeviceKind.TERMINAL, DeviceKind.BOLLARD):
                field.set_fault(kind, device, FieldFault.DROPS_RECEIPTS, on=True)
    if options.blank is not None and server is not None:
        if options.blank not in server.feeds:
            raise WrongUseError(f"--blank: no simulated camera `{options.blank}`")
        server.set_fault(options.blank, Fault.BLACK)
