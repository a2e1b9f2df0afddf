"""Which worker analyses which camera: shares that move as little as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from config.schema import Camera
from model.facts import DeviceKind, DeviceStatus, Fact
from wire.payloads import WorkerCameras

SILENT_AFTER_S = 10.0
EVENED_FROM: Final = 0.2
"""Cameras move only where that brings the fullest and the emptiest worker nearer by so much of the fullest."""

EPOCH_MOST: Final = 2**52
"""A worker that names a later epoch is wrong: ours must have room to grow past what is believed."""

COST_OF_READING: Final = {"small": 20, "full": 160}
COST_OF_BURST_PICTURE: Final = 1


def expected_cost(camera: Camera) -> int:
    """What a camera costs its worker, as far as the site file tells; only the ratios count.

    Measured by picture: `full` costs three times `small` on a sub stream, 23 times on a main stream of
    1920 x 1080; which of them it is shows only in the stream, so that the middle stands here. `small`
    costs three times as much on a main stream, which the site file does not tell either.
    """
    reading = COST_OF_READING[camera.model] + COST_OF_BURST_PICTURE * camera.burst
    return round(100 * reading / camera.every_s)


@dataclass(slots=True)
class _Burden:
    """What each worker carries, in whole numbers: sums of fractions would differ by the order of moves."""

    capacity: Mapping[str, int]
    cost: dict[str, int]

    def fullness(self, worker: str, *, more: int = 0) -> float:
        return (self.cost[worker] + more) / max(1, self.capacity[worker])

    def emptiest_with(self, more: int) -> str:
        return min(self.capacity, key=lambda worker: (self.fullness(worker, more=more), worker))

    def fullest(self) -> float:
        return max(map(self.fullness, self.capacity))

    def unevenness(self) -> float:
        return self.fullest() - min(map(self.fullness, self.capacity))


def share(
    costs: Mapping[str, int],
    workers: Mapping[str, int],
    held: Mapping[str, str],
) -> dict[str, str]:
    """Give each camera a worker, keeping `held` (camera → worker) wherever that worker lives.

    `costs` maps a camera to what it costs, `workers` a living worker to how much it can carry beside
    the others. Free cameras go, the dearest first, to the worker with the lowest share of its capacity.
    Where workers are much less even than they could be, the fullest give up what others can take
    without becoming fuller than they are. Cameras beyond all capacity are still given out: a slow
    reading is better than none.
    """
    if not workers:
        return {}
    shares = {camera: held[camera] for camera in costs if held.get(camera) in workers}
    burden = _Burden(workers, dict.fromkeys(workers, 0))
    for camera, worker in shares.items():
        burden.cost[worker] += costs[camera]
    dearest_first = sorted(costs, key=lambda camera: -costs[camera])
    for camera in dearest_first:
        if camera not in shares:
            worker = burden.emptiest_with(costs[camera])
            shares[camera] = worker
            burden.cost[worker] += costs[camera]
    return _evened({camera: shares[camera] for camera in dearest_first}, costs, burden)


def _evened(shares: dict[str, str], costs: Mapping[str, int], burden: _Burden) -> dict[str, str]:
    """The same shares, or more even ones where that is worth the moving."""
    evened, after = dict(shares), _Burden(burden.capacity, dict(burden.cost))
    while (move := _next_move(evened, costs, after)) is not None:
        camera, taker = move
        after.cost[evened[camera]] -= costs[camera]
        after.cost[taker] += costs[camera]
        evened[camera] = taker
    gain = burden.unevenness() - after.unevenness()
    return evened if gain >= EVENED_FROM * burden.fullest() else shares


def _next_move(
    shares: Mapping[str, str], costs: Mapping[str, int], burden: _Burden
) -> tuple[str, str] | None:
    """A camera that another worker can take, from the fullest worker that can give one up."""
    for giver in sorted(burden.capacity, key=burden.fullness, reverse=True):
        for camera, worker in shares.items():
            if worker == giver:
                taker = burden.emptiest_with(costs[camera])
                full = burden.fullness(taker, more=costs[camera])
                if taker != giver and full < burden.fullness(giver):
                    return camera, taker
    return None


class Assigner:
    """Follows the workers' births, heartbeats and deaths, and says what each is to analyse.

    A worker that is silent for 10 s counts as dead. The epoch starts from the wall clock, so that
    it also grows over a restart of the service; and where that was ahead before the restart, from what
    the workers say that they follow: they take no share that is not newer.
    """

    def __init__(self, costs: Mapping[str, int]) -> None:
        self._costs = costs
        self._capacity: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}
        self._held: dict[str, str] = {}
        self._held_by: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._epoch = 0

    def observe(self, facts: Iterable[Fact]) -> None:
        """Take in the workers' own statuses."""
        for fact in facts:
            if fact.kind is not DeviceKind.WORKER or not isinstance(fact.body, DeviceStatus):
                continue
            fresh = fact.body.at is None or fact.arrived - fact.body.at < timedelta(
                seconds=SILENT_AFTER_S
            )
            if fact.body.state == "online" and fresh:
                self._capacity[fact.source] = fact.body.capacity or 50
                self._heard_s[fact.source] = fact.arrived_monotonic_s
                self._grow_past(fact.source, fact.body.epoch or 0)
            elif fact.body.state == "offline":
                self._capacity.pop(fact.source, None)

    def _grow_past(self, worker: str, epoch: int) -> None:
        """A worker that follows a later share than ours has not taken ours, and is told anew."""
        if epoch >= EPOCH_MOST:
            return
        self._epoch = max(self._epoch, epoch)
        if epoch > self._told.get(worker, epoch):
            del self._told[worker]

    def changes(self, *, mono: float, wall_ms: int) -> dict[str, WorkerCameras]:
        """The assignment of every worker whose share changed since the last call, or that came since.

        Who came is told also that it has nothing: it may still hold what it was given before.
        """
        for worker, heard_s in self._heard_s.items():
            if mono - heard_s > SILENT_AFTER_S:
                self._capacity.pop(worker, None)
        shares = self._held
        if self._capacity != self._held_by:
            self._held_by = dict(self._capacity)
            shares = share(self._costs, self._capacity, self._held)
        self._told = {name: told for name, told in self._told.items() if name in self._capacity}
        come = self._capacity.keys() - self._told.keys()
        if shares == self._held and not come:
            return {}
        touched = {
            worker
            for camera in set(shares) | set(self._held)
            if shares.get(camera) != self._held.get(camera)
            for worker in (shares.get(camera), self._held.get(camera))
            if worker is not None
        } | come
        self._held = shares
        self._epoch = max(self._epoch + 1, wall_ms)
        self._told.update(dict.fromkeys(touched & self._capacity.keys(), self._epoch))
        return {
            worker: WorkerCameras(
                epoch=self._epoch,
                cameras=tuple(camera for camera in self._costs if shares.get(camera) == worker),
            )
            for worker in sorted(touched)
        }
