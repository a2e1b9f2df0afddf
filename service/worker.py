"""`yinding worker`: camera analysis on this or another machine, wired to its cameras and broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version
from zoneinfo import ZoneInfo

import cv2
import msgspec

from config.calibration import GroundRefusedError
from config.schema import Camera
from crowd.analyst import Ground as GroundPort
from crowd.band_correction import BandCorrection
from crowd.ground import ground_of
from crowd.ground_survey import REMEDIES
from crowd.worker import CameraWord, Standing, Tap, Worker
from ingest.cameras import CameraTap
from model.clock import Clock
from model.facts import DensityBlind, DensityLive, DeviceKind
from model.picture import Picture, SourceState
from model.workers import CameraStill, CameraWatch
from service.corrections import corrections_of
from service.site import LoadedSite
from wire.address import BrokerAddress
from wire.codec import encode
from wire.field_link import FieldLink, FieldWord, LinkLostError, keep_connected
from wire.link_terms import Will
from wire.payloads import WorkerCameras, WorkerStatus
from wire.topics import Filter, Topics

log = logging.getLogger(__name__)

KEEPALIVE_S = 4
ALONE_MOST_S = 6.0
PICTURE_WIDTH_PX = {"small": 640, "full": 1920}


class BrokerVoice:
    """Speaks for a worker on whatever connection stands; without one, words are lost and counted.

    A reading is of the moment: one that could not leave is worth less than the next.
    """

    def __init__(self, node: str, topics: Topics, tz: ZoneInfo, clock: Clock) -> None:
        self._node = node
        self._topics = topics
        self._tz = tz
        self._clock = clock
        self._version = version("yinding")
        self.link: FieldLink | None = None
        self.away_since_s = clock.monotonic()
        self.lost = 0

    async def cameras(self, words: Sequence[CameraWord]) -> None:
        """Publish readings and stills together; nobody waits for a still."""
        if self.link is None:
            self.lost += len(words)
            return
        self.lost += await self.link.publish_together([self._worded(*word) for word in words])

    def _worded(self, camera: str, body: DensityLive | DensityBlind | CameraStill) -> FieldWord:
        if isinstance(body, CameraStill):
            return FieldWord(self._topics.still(camera), encode(body, tz=self._tz), qos=0)
        return FieldWord(self._topics.density(camera), encode(body, tz=self._tz))

    async def status(self, standing: Standing) -> None:
        """Publish the worker's heartbeat."""
        status = WorkerStatus(
            state="online",
            at=self._clock.now(),
            version=self._version,
            **msgspec.structs.asdict(standing),
        )
        if self.link is None:
            self.lost += 1
            return
        topic = self._topics.status(DeviceKind.WORKER, self._node)
        try:
            await self.link.publish(topic, encode(status, tz=self._tz), retain=True)
        except LinkLostError:
            self.lost += 1


def grounds_of(loaded: LoadedSite) -> dict[str, GroundPort]:
    """The calibrated cameras' ground; a calibration that cannot be used is said and left out."""
    outlines = {zone.id: zone.outline for zone in loaded.site.zones}
    grounds: dict[str, GroundPort] = {}
    for camera in loaded.site.cameras:
        try:
            ground = ground_of(camera, outlines)
        except GroundRefusedError as error:
            log.warning("camera %s counts without density: %s", camera.id, error)
            continue
        if ground is None:
            continue
        problem = ground.calibration.problem
        if problem is not None:
            told = filter(None, (ground.calibration.detail, REMEDIES[problem]))
            log.warning("camera %s: %s: %s", camera.id, problem, "; ".join(told))
        grounds[camera.id] = ground
    return grounds


def _corrections(loaded: LoadedSite) -> dict[str, BandCorrection]:
    found, faults = corrections_of(loaded.site, loaded.folder)
    for camera, fault in faults.items():
        log.warning("camera %s: %s", camera, fault)
    return found


async def work(loaded: LoadedSite, *, node: str, address: BrokerAddress, clock: Clock) -> None:
    """Analyse the cameras that the service assigns, until cancelled."""
    # One process a core: OpenCV's own threads would only wait for one another there.
    cv2.setNumThreads(1)
    topics = Topics(loaded.site.site.id)
    tz = ZoneInfo(loaded.site.site.timezone)
    voice = BrokerVoice(node, topics, tz, clock)

    def open_tap(
        camera: Camera,
        *,
        study: Callable[[Picture], Callable[[], None]],
        on_state: Callable[[str, SourceState], None],
    ) -> Tap:
        return CameraTap(
            camera.id,
            loaded.camera_url(camera),
            every_s=camera.every_s,
            clock=clock,
            study=study,
            on_state=on_state,
            max_width=PICTURE_WIDTH_PX[camera.model],
            burst=camera.burst,
            manner=loaded.camera_manner(camera),
        )

    worker = Worker(
        loaded.site.cameras,
        open_tap=open_tap,
        grounds=grounds_of(loaded),
        corrections=_corrections(loaded),
        voice=voice,
        clock=clock,
    )

    async def session(link: FieldLink) -> None:
        voice.link = link
        try:
            async for message in link.messages():
                _obey(worker, topics, node, message.topic, message.payload)
        finally:
            voice.link, voice.away_since_s = None, clock.monotonic()

    filters = (
        Filter(topic=topics.worker_cameras(node), qos=1),
        Filter(topic=topics.watch_filter(), qos=0),
    )
    will = Will(
        topics.status(DeviceKind.WORKER, node), encode(WorkerStatus(state="offline"), tz=tz)
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(), name="worker")
        tasks.create_task(_fence(worker, voice, clock), name="fence")
        tasks.create_task(
            keep_connected(
                lambda: FieldLink(
                    address,
                    client_id=f"worker-{node}",
                    filters=filters,
                    will=will,
                    keepalive_s=KEEPALIVE_S,
                ),
                session,
            ),
            name="broker",
        )


async def _fence(worker: Worker, voice: BrokerVoice, clock: Clock) -> None:
    """Give the cameras up when the broker is away for long: by then others analyse them."""
    while True:
        await asyncio.sleep(1.0)
        if voice.link is None and clock.monotonic() - voice.away_since_s > ALONE_MOST_S:
            worker.let_go()


_share = msgspec.json.Decoder(WorkerCameras)
_watch = msgspec.json.Decoder(CameraWatch)


def _obey(worker: Worker, topics: Topics, node: str, topic: str, payload: bytes) -> None:
    """Take a share or a look; anything malformed is said and left."""
    address = topics.parse(topic)
    if address is None or not payload:
        return
    try:
        if (address.kind, address.leaf) == ("worker", "cameras") and address.device == node:
            worker.assign(_share.decode(payload))
        elif (address.kind, address.leaf) == ("camera", "watch"):
            worker.look(address.device, _watch.decode(payload).until)
    except msgspec.DecodeError as error:
        log.warning("%s: not understood: %s", topic, error)
