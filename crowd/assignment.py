"""Which worker analyses which camera: shares that move as little as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from model.facts import DeviceKind, DeviceStatus, Fact
from wire.payloads import WorkerCameras

SILENT_AFTER_S = 10.0
EPOCH_MOST = 2**52
"""A worker that names a later epoch is wrong: ours must have room to grow past what is believed."""


def share(
    cameras: Iterable[str],
    workers: Mapping[str, int],
    held: Mapping[str, str],
) -> dict[str, str]:
    """Give each camera a worker, keeping `held` (camera → worker) wherever that worker lives.

    `workers` maps a living worker to the number of cameras it can carry. Free cameras go to the
    worker with the lowest share of its capacity; an overloaded worker gives up only what another
    can take without becoming fuller than it. Cameras beyond all capacity are still given out:
    a slow reading is better than none.
    """
    wanted = list(cameras)
    if not workers:
        return {}
    shares = {camera: held[camera] for camera in wanted if held.get(camera) in workers}
    counts = dict.fromkeys(workers, 0)
    for worker in shares.values():
        counts[worker] += 1

    def fullness(worker: str, *, extra: int = 0) -> tuple[float, str]:
        return ((counts[worker] + extra) / max(1, workers[worker]), worker)

    for camera in wanted:
        if camera not in shares:
            worker = min(workers, key=lambda name: fullness(name, extra=1))
            shares[camera] = worker
            counts[worker] += 1
    for camera in wanted:
        giver = shares[camera]
        taker = min(workers, key=lambda name: fullness(name, extra=1))
        if taker != giver and fullness(taker, extra=1)[0] < fullness(giver)[0]:
            shares[camera] = taker
            counts[giver] -= 1
            counts[taker] += 1
    return shares


class Assigner:
    """Follows the workers' births, heartbeats and deaths, and says what each is to analyse.

    A worker that is silent for 10 s counts as dead. The epoch starts from the wall clock, so that
    it also grows over a restart of the service; and where that was ahead before the restart, from what
    the workers say that they follow: they take no share that is not newer.
    """

    def __init__(self, cameras: Iterable[str]) -> None:
        self._cameras = list(cameras)
        self._capacity: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}
        self._held: dict[str, str] = {}
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
        shares = share(self._cameras, self._capacity, self._held)
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
                cameras=tuple(camera for camera in self._cameras if shares.get(camera) == worker),
            )
            for worker in sorted(touched)
        }
