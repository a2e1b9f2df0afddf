"""Turns a stream's own time stamps into the time at which the camera took a picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

UNIX_TO_NTP_S = 2_208_988_800
TRUSTED_WITHIN_S = 10.0
LEAP_S = 60
FORGIVEN_S_PER_S = 0.001


class PictureTime:
    """Two sources: the camera's sender reports, where its clock is right, else the earliest arrival.

    Without reports the least delay seen between stamp and arrival is taken for none, so that
    pictures that pile up on a slow link show their age. A camera's clock that differs from ours by
    more than ten seconds is not believed; `clock_off_s` then says by how much. Nor are reports whose
    clock is right and whose stamps are not those of the pictures, by as much.
    """

    def __init__(self, clock_hz: int) -> None:
        self._hz = clock_hz
        self._unwrapped = 0
        self._last: int | None = None
        self._report: tuple[int, datetime] | None = None
        self._least_s: float | None = None
        self._least_at_s = 0.0
        self.clock_off_s: float | None = None

    @property
    def from_reports(self) -> bool:
        """Whether the camera's own reports give the times now, and not the arrivals alone."""
        return self._report is not None

    def _ticks(self, stamp: int) -> int:
        """Stamps without their wrap at 32 bits; a leap of more than a minute starts afresh."""
        if self._last is None:
            self._last, self._unwrapped = stamp, stamp
            return stamp
        step = self._step(stamp)
        if self._leaps(step):
            self._report = self._least_s = None
        self._last = stamp
        self._unwrapped += step
        return self._unwrapped

    def _step(self, stamp: int) -> int:
        if self._last is None:
            return 0
        return (stamp - self._last + (1 << 31)) % (1 << 32) - (1 << 31)

    def _leaps(self, step: int) -> bool:
        return abs(step) > LEAP_S * self._hz

    def report(self, ntp: int, stamp: int, now: datetime) -> None:
        """Take in a sender report: the 64-bit NTP time at which `stamp` was taken."""
        seconds = (ntp >> 32) - UNIX_TO_NTP_S + (ntp & 0xFFFFFFFF) / (1 << 32)
        if not 0 < seconds < 1 << 33:
            return
        taken = datetime.fromtimestamp(seconds, tz=UTC)
        off = (taken - now).total_seconds()
        self._report, self.clock_off_s = None, None
        if abs(off) > TRUSTED_WITHIN_S:
            self.clock_off_s = off
        elif not self._leaps(self._step(stamp)):
            self._report = (self._ticks(stamp), taken)

    def taken_at(self, stamp: int, *, now: datetime, monotonic_s: float) -> datetime:
        """When the picture with this stamp was taken; never later than it arrived."""
        ticks = self._ticks(stamp)
        delay_s = monotonic_s - ticks / self._hz
        if self._least_s is not None:
            self._least_s += FORGIVEN_S_PER_S * (monotonic_s - self._least_at_s)
        if self._least_s is None or delay_s < self._least_s:
            self._least_s = delay_s
        self._least_at_s = monotonic_s
        by_arrival = now - timedelta(seconds=delay_s - self._least_s)
        if self._report is not None:
            base, at = self._report
            by_report = at + timedelta(seconds=(ticks - base) / self._hz)
            earlier_s = (by_arrival - by_report).total_seconds()
            ahead_s = (by_report - now).total_seconds()
            if max(earlier_s, ahead_s) <= TRUSTED_WITHIN_S:
                return min(by_report, now)
        return by_arrival
