"""The site file's schema: what a site consists of, with the bounds of every field."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field

from config.broadcasts import Broadcasts, Fallback, TerminalGroup
from config.grounds import Bearing, Ground, Metres
from config.plans import Escalation, Plan
from config.rules import Rule
from config.servers import ReadingsServer, RecordsServer, Secret
from config.strict import DeviceId, ShortName, ShortWords, Strict, Words
from config.visits import Reports, Visits
from model.level import Level

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Origin(Strict):
    """The point from which metres east and north are counted."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class Site(Strict):
    """The place itself."""

    id: DeviceId
    name: Words
    timezone: str = "Asia/Shanghai"
    origin: Origin


class Broker(Strict):
    """Where the messages go: `embedded`, or the address of an MQTT broker.

    A broker that is not on loopback needs TLS and credentials; `check` refuses it otherwise.
    """

    embedded: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 1883
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: Secret | None = None


class Store(Strict):
    """Where readings and records are kept; `folder` is relative to the site file.

    Readings are kept whole for `keep_days`, down-sampled to minutes, quarter-hours and hours for
    `keep_summaries_days`; cases, orders and the audit for ever.
    """

    folder: str = "data"
    full_sync: bool = True
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    keep_summaries_days: Annotated[int, Field(ge=1, le=36500)] = 1096
    readings: ReadingsServer | None = None
    records: RecordsServer | None = None


class Keys(Strict):
    """The key that signs orders, and the public keys that devices hold."""

    signing_key_file: str
    key_id: DeviceId


class Console(Strict):
    """Where the console listens; `address` is how devices elsewhere reach it, such as through a proxy."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8460
    address: (
        Annotated[str, Field(pattern=r"^https?://[!$-.0->A-~]+(/[!$->@-~]*)?$", max_length=300)]
        | None
    ) = None


class Zone(Strict):
    """A part of the site that is judged as one; outline in metres east and north of the origin.

    `empty_at` is a time of the day at which nobody is inside, such as before opening: from there the
    gates of a zone without cameras know how many are.
    `walkers` are people who go there where no terminal, or none that answers, reaches it.
    """

    id: DeviceId
    name: Words
    outline: Annotated[list[tuple[Metres, Metres]], Field(min_length=3, max_length=500)]
    usable_area_m2: Annotated[float, Field(gt=0, le=10_000_000)]
    m2_per_visitor: Annotated[float, Field(gt=0, le=1000)]
    mean_stay_min: Annotated[float, Field(ge=1, le=24 * 60)] | None = None
    empty_at: time | None = None
    walkers: Annotated[list[DeviceId], Field(max_length=20)] | None = None

    @property
    def capacity(self) -> float:
        """Instantaneous capacity, people: area over area per visitor (LB/T 034)."""
        return self.usable_area_m2 / self.m2_per_visitor


class Marked(Strict):
    """One picture in which somebody marked the heads: what was counted, and how many there were.

    `model` is the network that counted; marks of another one than the camera's teach nothing. Marks without it are
    believed, whatever counted them.
    """

    counted: Annotated[float, Field(ge=0, le=100_000)]
    heads: Annotated[int, Field(ge=0, le=100_000)]
    model: Annotated[str, Field(max_length=80, pattern=r"^[\x21-\x7e]+$")] | None = None


class Camera(Strict):
    """One camera: its stream, the zones it watches, and how often it is read.

    `url` carries no credentials; they stand in `username` and `password`. `burst` is how many of the
    stream's pictures right after each reading are looked at too, for speed and direction: about a
    third of a second of them, such as 3 at 10 pictures a second or 8 at 25; 0 for none. `transport`
    is tried first, the other where the camera refuses it. `certificates` is a PEM file with what an
    rtsps camera may show, whatever name stands in it; without it the machine's authorities count.
    From `marked` pictures the camera's own correction is learned where there is no `correction_file`.
    `at` is where it stands and `bearing_deg` where it looks, clockwise from north: both together put a
    ground told by a grid or by people on the map. A camera of `fixed_view` that shows another view than before is blind, for its ground holds no more.
    `correction_file` is what `yinding evaluate stills --calibrate --correction` wrote for it.
    """

    id: DeviceId
    name: Words
    url: Annotated[str, Field(pattern=r"^rtsps?://[^@]+$")]
    username: str | None = None
    password: Secret | None = None
    zones: list[DeviceId] = []
    every_s: Annotated[float, Field(ge=0.2, le=60)] = 2.0
    model: Literal["small", "full"] = "small"
    burst: Annotated[int, Field(ge=0, le=25)] = 0
    transport: Literal["tcp", "udp"] = "tcp"
    certificates: str | None = None
    ground: Ground | None = None
    at: tuple[Metres, Metres] | None = None
    bearing_deg: Bearing | None = None
    marked: Annotated[list[Marked], Field(max_length=100)] = []
    correction_file: str | None = None
    fixed_view: bool = True


class Counter(Strict):
    """A gate counter: people that go in and out of a zone.

    `site_gate` says that who passes it comes from outside the site, and so counts as a visitor of the day.
    """

    id: DeviceId
    name: Words
    zone: DeviceId
    site_gate: bool = True


class Sensor(Strict):
    """A sensor or alarm detector and the zones that it speaks for."""

    id: DeviceId
    name: Words
    zones: list[DeviceId]
    silent_after_s: Seconds = 60.0


class Terminal(Strict):
    """A warning terminal: speaker, screen or set-top box, and the zones where it is heard.

    `fallback` makes up for it when it does not answer; without one the walkers of its zones do.
    One that `plays: wav` cannot speak by itself: its orders bring the address of a recording, made here.
    """

    id: DeviceId
    name: Words
    zones: list[DeviceId]
    public: bool = False
    at: tuple[Metres, Metres] | None = None
    fallback: Fallback | None = None
    plays: Literal["wav"] | None = None


class ModbusAddress(Strict):
    """Where a lane's PLC answers Modbus/TCP, and the first of its ten holding registers."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    first_register: Annotated[int, Field(ge=0, le=65_526)] = 0


class Bollard(Strict):
    """One bollard lane at an entrance; with `modbus`, one whose controller is a PLC."""

    id: DeviceId
    name: Words
    entrance: DeviceId
    lane: Annotated[int, Field(ge=1, le=32)] = 1
    modbus: ModbusAddress | None = None
    at: tuple[Metres, Metres] | None = None


class Person(Strict):
    """Someone who signs in; `roles` by the contract. The password is kept as a hash elsewhere.

    `name` is in both languages, or in one that stands for both. `unit` is the unit of the catalogue
    that the person works for, by its Chinese name: its dispatches are theirs.
    """

    id: DeviceId
    name: ShortName | ShortWords
    unit: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    roles: list[Literal["viewer", "operator", "commander", "responder", "integrator", "admin"]]


class Shift(Strict):
    """Who is on duty between two times of day."""

    start: time
    end: time
    people: list[DeviceId]


class Deadlines(Strict):
    """Minutes within which a problem must be solved, by its grade."""

    general: Annotated[int, Field(ge=1, le=100_000)] = 1440
    major: Annotated[int, Field(ge=1, le=100_000)] = 240
    sudden: Annotated[int, Field(ge=1, le=100_000)] = 20


class CatalogueEntry(Strict):
    """A kind of problem, the unit that owns it, and its deadlines.

    `owner` is in both languages, or in one that stands for both. What is said of a unit once holds wherever
    its Chinese name stands.
    """

    id: DeviceId
    name: Words
    owner: ShortName | ShortWords
    within_min: Deadlines = Deadlines()

    @property
    def unit(self) -> str:
        """The owner as people and dispatches name it."""
        return self.owner if isinstance(self.owner, str) else self.owner.zh


class Mapping(Strict):
    """How a foreign device's messages become readings: topic filter and a JMESPath per field."""

    id: DeviceId
    topic: Annotated[str, Field(min_length=1, max_length=500)]
    kind: Literal["sensor", "counter"]
    device: str
    fields: dict[str, str]
    quantity: str | None = None
    unit: str | None = None


class CapFeed(Strict):
    """A government's CAP feed: each of its alerts becomes an alarm of `sensor`.

    `sensor` is a sensor of this file that speaks for the zones concerned. An alert counts where its
    polygon holds the site's origin, or where it has none and names one of `areas` (or `areas` is
    empty). `hazard` begins the alarm's hazard: `<hazard>-<severity>`, such as `government-severe`.
    """

    sensor: DeviceId
    url: Annotated[str, Field(pattern=r"^https?://[^@]+$")]
    every_s: Annotated[float, Field(ge=5, le=3600)] = 60.0
    hazard: DeviceId = "government"
    areas: list[str] = []


class Cap(Strict):
    """Warnings to and from other warning centres (CAP 1.2).

    `authority` is the body on whose behalf this site speaks to the public; without one every
    message is Restricted, for those whom `restriction` names. `folder` takes one file a message.
    """

    sender: Annotated[str, Field(pattern=r"^[^\s,<&]*$", max_length=100)] = ""
    authority: Words | None = None
    restriction: Annotated[str, Field(min_length=1, max_length=200)] = "site staff"
    folder: str | None = None
    feeds: Annotated[list[CapFeed], Field(max_length=20)] = []


class NotifyTarget(Strict):
    """Somebody to be told of warnings by mail, WeCom, DingTalk, Feishu, webhook or the like.

    `url` is a secret: an address of the notification library, such as `mailtos://…`, `wecombot://…`.
    """

    id: DeviceId
    url: Secret
    from_level: Level = Level.ORANGE
    exercises: bool = False


class SiteFile(Strict):
    """One site, whole: the single source of truth of what stands where and what happens when."""

    site: Site
    broker: Broker
    store: Store = Store()
    keys: Keys
    console: Console = Console()
    visits: Visits = Visits()
    reports: Reports = Reports()
    cap: Cap = Cap()
    notify: Annotated[list[NotifyTarget], Field(max_length=50)] = []
    zones: Annotated[list[Zone], Field(min_length=1, max_length=2000)]
    cameras: Annotated[list[Camera], Field(max_length=5000)] = []
    counters: list[Counter] = []
    sensors: list[Sensor] = []
    terminals: list[Terminal] = []
    groups: Annotated[list[TerminalGroup], Field(max_length=200)] = []
    broadcasts: Broadcasts = Broadcasts()
    bollards: list[Bollard] = []
    rules: list[Rule] = []
    plans: list[Plan] = []
    people: list[Person] = []
    roster: list[Shift] = []
    escalation: Escalation = Escalation()
    catalogue: list[CatalogueEntry] = []
    mappings: list[Mapping] = []
