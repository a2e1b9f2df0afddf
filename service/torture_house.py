"""The service under torture: the real spine, store and deciders, killed wherever it hurts.

Nothing here is simulated but the process around them: a kill abandons the memory and leaves the
store as it was committed, and a restart wires everything anew from it, as `yinding serve` does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from config.schema import SiteFile
from console.ports import Verdict
from ingest.field_time import FieldTime
from ingest.intake import Intake
from model.commit import Commit
from model.facts import Decision
from service.resuming import Makers, resume_announcer, resume_deciders
from service.spine import BATCH_MAX, Spine
from simulators.torture.agenda import Agenda, StepClock
from simulators.torture.evidence import Evidence
from simulators.torture.network import Cable, SimBroker
from simulators.torture.script import FaultKind
from simulators.torture.service_line import ServiceLine
from store.embedded import Store
from store.errors import StoreFullError
from store.feed import Feed, Subscription
from store.tidying import Keeping
from store.transaction import Transaction
from wire.access import SERVICE
from wire.codec import Decoder, encode
from wire.inbox import AckToken, Delivery
from wire.link_terms import Confirmed, Will
from wire.payloads import ServiceStatus
from wire.signing import OrderSigner
from wire.topics import Topics

NODE = "yinding"
SUPERVISOR_S = 3.0
"""How long a process that ended by itself stays down until it is started again."""

QUIET_DAYS = 30


class ProcessKilledError(BaseException):
    """The operating system ended the process at this very point; nobody may catch it."""


@dataclass
class Trap:
    """A kill that waits for its moment within a step, or a disk that takes no more."""

    stage: FaultKind | None = None
    sends_left: int = 0
    disk_full: bool = False

    def spring(self, stage: FaultKind) -> None:
        """End the process if it was to end here."""
        if self.stage is not stage:
            return
        if stage is FaultKind.KILLED_WHILE_SENDING and self.sends_left > 1:
            self.sends_left -= 1
            return
        self.stage = None
        raise ProcessKilledError


@dataclass
class TrappedLine:
    """The line as the service sees it, with the kills between its calls."""

    line: ServiceLine
    trap: Trap

    def take(self, max_n: int, timeout_s: float) -> list[Delivery]:
        return self.line.take(max_n, timeout_s)

    def ack(self, tokens: Iterable[AckToken]) -> None:
        self.trap.spring(FaultKind.KILLED_AFTER_COMMIT)
        self.line.ack(tokens)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        qos: int = 1,
        confirmed: Confirmed | None = None,
    ) -> bool:
        taken = self.line.publish(topic, payload, retain=retain, qos=qos, confirmed=confirmed)
        if not retain:
            self.trap.spring(FaultKind.KILLED_WHILE_SENDING)
        return taken

    def keep(self, topic: str, payload: bytes) -> bool:
        return self.line.keep(topic, payload)


@dataclass
class TrappedLedger:
    """The store as the spine sees it: it may end before the commit, or find the disk full."""

    store: Store
    trap: Trap

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.store.transaction() as tx:
            yield tx
            self.trap.spring(FaultKind.KILLED_BEFORE_COMMIT)
            if self.trap.disk_full:
                raise StoreFullError("the scenario's disk is full")


@dataclass
class TrappedTeller:
    """The feed as the spine sees it: it may end when everything was sent and nobody was told."""

    feed: Feed
    trap: Trap

    def publish(self, commit: Commit) -> None:
        self.trap.spring(FaultKind.KILLED_AFTER_SENDING)
        self.feed.publish(commit)


@dataclass
class _Alive:
    store: Store
    feed: Feed
    line: ServiceLine
    intake: Intake
    spine: Spine
    subscription: Subscription


@dataclass
class House:
    """One service node with its supervisor: started, stepped, killed, started again."""

    site: SiteFile
    agenda: Agenda
    broker: SimBroker
    cable: Cable
    folder: Path
    signer: OrderSigner
    evidence: Evidence
    rng: random.Random
    pace_s: float
    makers: Makers
    wrap_line: Callable[[TrappedLine], TrappedLine] = lambda line: line
    on_commits: Callable[[Store, list[Commit]], None] = lambda _store, _commits: None
    on_start: Callable[[Store], None] = lambda _store: None
    trap: Trap = field(default_factory=Trap)

    def __post_init__(self) -> None:
        self.clock = StepClock(self.agenda.clock)
        self._alive: _Alive | None = None
        self._life = 0
        self._down_until = 0.0

    # -- life and death --------------------------------------------------------------------

    def start(self) -> None:
        """Start the process from what the store holds, unless it runs or is to stay down."""
        if self._alive is not None or self.agenda.t < self._down_until:
            return
        self._life += 1
        store = Store.open(self.folder, full_sync=False)
        try:
            self._alive = self._wire(store)
        except StoreFullError:
            store.close()
            self._comes_back(SUPERVISOR_S)
            return
        except BaseException:
            store.close()
            raise
        self._alive.line.start()
        self.evidence.troubles.end("service down", self.agenda.t)
        self.on_start(store)
        self._later()

    def kill(self, *, down_s: float) -> None:
        """End the process between two steps."""
        self._ended(down_s)

    def close(self) -> None:
        """The run is over."""
        if self._alive is not None:
            self._alive.line.stop()
            self._alive.feed.close()
            self._alive.store.close()
            self._alive = None

    def submit(self, decision: Decision) -> Future[Verdict] | None:
        """Put a person's decision to the running service; None where none runs."""
        return None if self._alive is None else self._alive.spine.submit(decision)

    def _ended(self, down_s: float) -> None:
        alive, self._alive = self._alive, None
        self.trap.stage = None
        if alive is None:
            return
        alive.line.die()
        alive.store.close()
        self.evidence.troubles.begin("service down", self.agenda.t)
        self._comes_back(down_s)

    def _comes_back(self, down_s: float) -> None:
        self._down_until = max(self._down_until, self.agenda.t + down_s)
        self.agenda.at(self._down_until, self.start)

    def _wire(self, store: Store) -> _Alive:
        site, topics = self.site, Topics(self.site.site.id)
        clock = FieldTime(self.clock)
        gone = encode(ServiceStatus(state="offline"), tz=ZoneInfo(site.site.timezone))
        line = ServiceLine(
            self.agenda,
            self.broker,
            self.cable,
            client_id="yinding-torture",
            credentials=(SERVICE, self.broker.identities[SERVICE].password),
            filters=topics.service_filters(),
            clock=clock,
            will=Will(topics.service_status(NODE), gone),
        )
        ids = random.Random(f"{self.rng.random()}/{self._life}")
        trapped = self.wrap_line(TrappedLine(line, self.trap))
        deciders = resume_deciders(
            site,
            store,
            self.signer.sign,
            clock=clock,
            new_id=lambda: f"{ids.getrandbits(64):016x}",
            makers=self.makers,
        )
        feed = Feed()
        intake = Intake(trapped, Decoder.for_site(site), clock=clock, field_time=clock)
        spine = Spine(
            clock=clock,
            store=TrappedLedger(store, self.trap),
            feed=TrappedTeller(feed, self.trap),
            intake=intake,
            link=trapped,
            deciders=deciders,
            announcer=resume_announcer(site, store, trapped, deciders, node=NODE, clock=clock),
            keeping=Keeping(
                readings=timedelta(days=QUIET_DAYS), summaries=timedelta(days=QUIET_DAYS)
            ),
        )
        return _Alive(store, feed, line, intake, spine, feed.subscribe(1000))

    # -- stepping --------------------------------------------------------------------------

    def _later(self) -> None:
        self.agenda.after(self.pace_s, self._step, self._life)

    def _step(self, life: int) -> None:
        alive = self._alive
        if alive is None or life != self._life:
            return
        down_s = self.trap_down_s
        try:
            alive.spine.step(alive.intake.next_batch(BATCH_MAX, 0.0))
        except ProcessKilledError:
            self._ended(down_s)
            return
        except StoreFullError:
            self._ended(SUPERVISOR_S)
            return
        except Exception as error:  # noqa: BLE001 - the supervisor: our own bug ends the process, and counts
            self.evidence.crashes.append((self.agenda.t, f"{type(error).__name__}: {error}"))
            self._ended(SUPERVISOR_S)
            return
        self.evidence.steps += 1
        commits = []
        while (commit := alive.subscription.get(0.0)) is not None:
            commits.append(commit)
        self.on_commits(alive.store, commits)
        self._later()

    trap_down_s: float = SUPERVISOR_S
    """How long a process that falls into the trap stays down."""

    def set_trap(self, stage: FaultKind, *, sends: int, down_s: float) -> None:
        """Let the next step end the process at this stage."""
        self.trap.stage, self.trap.sends_left, self.trap_down_s = stage, sends, down_s
