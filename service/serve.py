"""`yinding serve`: the service of one site, wired, supervised and stopped in order.

Started: broker (if embedded), store, deciders from their last commit, link, spine, console,
camera workers. Stopped the other way round: taps first, then what is under way, the store last.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI

from config.editing import SiteEditor
from console.app import create_app
from console.context import context_of
from devices.speech.voice import Voice
from devices.writing import no_recording
from ingest.field_time import FieldTime
from ingest.intake import Intake
from ingest.side_door import SideDoor
from model.clock import Clock
from service.children import keep_running
from service.desk import PictureBoard, SpineDesk
from service.exits import OutsideError, WrongUseError
from service.foretelling import Foreteller
from service.gateway import has_modbus
from service.learnt import learnt_for
from service.link import link_of
from service.listening import listen
from service.live_view import RelayedVideo, live_relay
from service.meeting import Meeting, meeting_of
from service.meeting_point import MeetingPoint, announce, withdraw
from service.metrics import ServiceFigures, registry_of
from service.neighbours import ledger_of, start_neighbours
from service.plants import Plant
from service.readiness import LinkReadiness
from service.report_schedule import ReportSchedule
from service.resuming import keeping_of, resume_announcer, resume_deciders
from service.secrets_folder import signing_key_path
from service.series_line import ShipperOutbox, shipping
from service.site import LoadedSite, open_site
from service.spine import Spine
from service.spine_thread import SpineThread
from service.standby import Acting, acting, records_address
from service.stills_link import StillsLink
from service.store_metrics import StoreFigures
from service.voice import VoiceFigures, voice_of
from store.dispatches import Dispatches
from store.embedded import Store
from store.errors import StoreError
from store.feed import Feed
from store.people import Accounts
from store.shipping import Shipper
from wire.codec import Decoder
from wire.keys import KeyFileError, load_key_file
from wire.link import BrokerLink
from wire.signing import OrderSigner
from wire.topics import Topics

log = logging.getLogger(__name__)

NODE = "yinding"
CONSOLE_STOP_S = 3
VITAL_CHECK_S = 1.0
SAVED_ANSWER_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve: camera workers beside us, and a bug to plant for a drill."""

    workers: int
    plant: Plant | None = None


@contextmanager
def _store(loaded: LoadedSite, acts: Acting) -> Iterator[tuple[Store, Feed]]:
    try:
        store = acts.open_store(loaded)
    except StoreError as error:
        raise OutsideError(str(error)) from error
    feed = Feed()
    with store:
        try:
            yield store, feed
        finally:
            feed.close()


def _spine(
    loaded: LoadedSite,
    store: Store,
    feed: Feed,
    *,
    intake: Intake,
    link: BrokerLink,
    clock: Clock,
    foreteller: Foreteller,
    voice: Voice | None,
    plant: Plant | None,
) -> Spine:
    """The spine, ready to run, with its deciders as they stood at the last commit."""
    site = loaded.site
    try:
        key = load_key_file(signing_key_path(site, loaded.folder))
    except KeyFileError as error:
        raise WrongUseError(str(error)) from error
    signer = OrderSigner(key, site.keys.key_id, tz=ZoneInfo(site.site.timezone))
    deciders = resume_deciders(
        site,
        store,
        signer.sign,
        clock=clock,
        new_id=lambda: secrets.token_hex(8),
        recorded=no_recording if voice is None else voice.audio_of,
    )
    announcer = resume_announcer(
        site, store, link, deciders, node=NODE, clock=clock, forecast=foreteller.points
    )
    return Spine(
        clock=clock,
        store=store,
        feed=feed,
        intake=intake,
        link=link,
        deciders=deciders,
        announcer=announcer,
        keeping=keeping_of(site),
        foreseen=foreteller.foreseen,
        plant=plant,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The running parts of one service."""

    loaded: LoadedSite
    options: ServeOptions
    clock: Clock
    store: Store
    feed: Feed
    shipper: Shipper | None
    meeting: Meeting
    link: BrokerLink
    door: SideDoor
    intake: Intake
    spine: Spine
    thread: SpineThread
    foreteller: Foreteller
    voice: Voice | None
    changed: asyncio.Event


class _SiteChangedError(Exception):
    """The site file was edited from the console: the house begins anew with it."""


async def serve(loaded: LoadedSite, options: ServeOptions, *, clock: Clock) -> None:
    """Serve until cancelled. Raises OutsideError where the spine stopped or a part cannot start.

    `clock` is this machine's; the service lives by the field's time over it. A site file edited
    from the console is taken up at once: the house stops in order and goes on from its last commit
    with the new file, at the same address and broker. Consoles reconnect by themselves.
    """
    field_time, port = FieldTime(clock), loaded.site.console.port
    async with acting(loaded) as acts:
        with meeting_of(loaded) as meeting:
            while True:
                port = await _serve_until_changed(
                    loaded, options, (clock, field_time), meeting, acts=acts, port=port
                )
                log.info("the site file was edited: going on with it")
                loaded = open_site(loaded.path)


async def _serve_until_changed(
    loaded: LoadedSite,
    options: ServeOptions,
    clocks: tuple[Clock, FieldTime],
    meeting: Meeting,
    *,
    acts: Acting,
    port: int,
) -> int:
    """One house from its start until the site file is edited; returns the console's port."""
    site, (clock, field_time) = loaded.site, clocks
    with (
        closing(listen(site, port, or_any=acts.stood_by)) as listener,
        _store(loaded, acts) as (store, feed),
        shipping(loaded, store, clock) as shipper,
    ):
        async with voice_of(loaded, store, listener.getsockname()[:2]) as voice:
            port = listener.getsockname()[1]
            link = link_of(site, NODE, meeting.address, field_time, may_speak=acts.lease.is_sure)
            door = SideDoor(link, field_time)
            intake = Intake(door, Decoder.for_site(site), clock=field_time, field_time=field_time)
            foreteller = Foreteller(site, loaded.folder, store=store, feed=feed, clock=field_time)
            spine = _spine(
                loaded,
                store,
                feed,
                intake=intake,
                link=link,
                clock=field_time,
                foreteller=foreteller,
                voice=voice,
                plant=options.plant,
            )
            thread = SpineThread(spine, asyncio.get_running_loop())
            house = House(
                loaded=loaded,
                options=options,
                clock=field_time,
                store=store,
                feed=feed,
                shipper=shipper,
                meeting=meeting,
                link=link,
                door=door,
                intake=intake,
                spine=spine,
                thread=thread,
                foreteller=foreteller,
                voice=voice,
                changed=asyncio.Event(),
            )
            link.start()
            thread.start()
            try:
                await _keep_house(house, listener)
            except* _SiteChangedError:
                pass
            except* OutsideError as group:
                raise group.exceptions[0] from None
            finally:
                withdraw(loaded.data_folder)
                await asyncio.to_thread(thread.stop)
                await asyncio.to_thread(link.stop)
    return port


async def _keep_house(house: House, listener: socket.socket) -> None:
    """Console, stills and workers beside the running spine."""
    site = house.loaded.site
    tz = ZoneInfo(site.site.timezone)
    stills = StillsLink(house.meeting.address, Topics(site.site.id), tz)
    board = PictureBoard(house.clock, stills.ask)
    relay = live_relay(house.loaded, house.clock)
    folder, loop = house.loaded.data_folder, asyncio.get_running_loop()
    there = records_address(house.loaded)
    with (
        closing(Accounts.open(folder, house.clock, there=there)) as accounts,
        closing(Dispatches.open(folder, there)) as dispatches,
        ledger_of(house.loaded) as notices,
    ):
        app = create_app(
            site=site,
            clock=house.clock,
            store=house.store,
            feed=house.feed,
            accounts=accounts,
            dispatches=dispatches,
            desk=SpineDesk(house.spine.submit, house.spine.note, house.voice),
            pictures=board,
            live_video=RelayedVideo(relay),
            prospects=house.foreteller,
            outbox=None if house.shipper is None else ShipperOutbox(house.shipper, house.clock),
            recordings=None if house.voice is None else house.voice.shelf,
            reports_folder=house.loaded.folder / site.reports.folder,
            editor=SiteEditor(house.loaded.path),
            learnt_for=learnt_for(site, house.loaded.folder),
            # The editor's own answer leaves before its console does.
            site_saved=lambda: loop.call_later(SAVED_ANSWER_S, house.changed.set),
            readiness=LinkReadiness(house.link, house.thread.failed.is_set),
            registry=registry_of(
                ServiceFigures(intake=house.intake, link=house.link, spine=house.spine),
                StoreFigures(store=house.store, clock=house.clock, shipper=house.shipper),
                *([] if house.voice is None else [VoiceFigures(house.voice)]),
            ),
        )
        _announce(house, listener)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stills.run(board), name="stills")
            tasks.create_task(relay.run(), name="live view")
            tasks.create_task(_console(app, listener), name="console")
            tasks.create_task(house.foreteller.run(), name="foreteller")
            schedule = ReportSchedule(site, house.loaded.folder, house.store, house.clock)
            tasks.create_task(schedule.run(), name="reports")
            start_neighbours(
                tasks,
                house.loaded,
                store=house.store,
                feed=house.feed,
                speaker=house.link,
                door=house.door,
                notices=notices,
                clock=house.clock,
            )
            tasks.create_task(_watch(house, app), name="watch the vital parts")
            tasks.create_task(_until_changed(house), name="watch the site file's editor")
            if has_modbus(site):
                tasks.create_task(
                    keep_running(
                        "gateway",
                        ["gateway", str(house.loaded.path), "--tied"],
                        monotonic=house.clock.monotonic,
                    ),
                    name="gateway",
                )
            for number in range(1, house.options.workers + 1):
                arguments = ["worker", str(house.loaded.path), "--node", f"local-{number}"]
                tasks.create_task(
                    keep_running(
                        f"worker {number}",
                        [*arguments, "--tied"],
                        monotonic=house.clock.monotonic,
                    ),
                    name=f"worker {number}",
                )


def _announce(house: House, listener: socket.socket) -> None:
    """Tell the commands beside us where console and broker are."""
    host, port = listener.getsockname()[:2]
    address = f"http://{host}:{port}"
    point = MeetingPoint(
        process=os.getpid(),
        console=address,
        broker_port=house.meeting.port,
        passwords=house.meeting.passwords,
    )
    announce(house.loaded.data_folder, point)
    log.info("console at %s", address)


async def _console(app: FastAPI, listener: socket.socket) -> None:
    """Serve the console until cancelled."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Films are packed already, and packing the feed costs more processor than it saves of a LAN.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=CONSOLE_STOP_S,
    )
    server = uvicorn.Server(config)
    # Not `serve`: that would take over our signals.
    serving = asyncio.ensure_future(server._serve([listener]))  # noqa: SLF001
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


async def _until_changed(house: House) -> None:
    """End this house where the site file was edited from its console."""
    await house.changed.wait()
    raise _SiteChangedError


async def _watch(house: House, app: FastAPI) -> None:
    """End the service where a part that it cannot do without is gone: a restart resumes."""
    while not house.thread.failed.is_set():
        if not house.link.is_alive:
            raise OutsideError("the broker link stopped; see the log above")
        if house.meeting.broker is not None and not house.meeting.broker.is_alive:
            raise OutsideError("the embedded broker ended; see the log above")
        if context_of(app).live.ended:
            raise OutsideError("the consoles' live feed stopped; see the log above")
        with suppress(TimeoutError):
            await asyncio.wait_for(house.thread.failed.wait(), VITAL_CHECK_S)
    raise OutsideError("the spine stopped; see the log above. A restart resumes from the store")
