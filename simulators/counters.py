"""A simulated gate counter: people in and out since its boot, at rates that a scenario sets."""

from __future__ import annotations

from datetime import datetime

from model.facts import CounterReading

EVERY_S = 1.0


class CounterMachine:
    """A counter without its link; `inflow_p_s` is people per second, negative for outwards."""

    def __init__(self, boot: str) -> None:
        self.boot = boot
        self.inflow_p_s = 0.0
        self._seq = 0
        self._in = 0.0
        self._out = 0.0
        self._mono: float | None = None
        self._told_mono = float("-inf")

    def set_inflow(self, people_p_s: float, mono: float) -> None:
        """Let people come at another rate from now on."""
        self._run(mono)
        self.inflow_p_s = people_p_s

    def reboot(self, boot: str) -> None:
        """Lose the totals, as a power cut does; a new boot name says so."""
        self.boot = boot
        self._seq, self._in, self._out = 0, 0.0, 0.0

    def reading_if_due(self, now: datetime, mono: float) -> CounterReading | None:
        """The totals, once a second."""
        if mono - self._told_mono < EVERY_S:
            return None
        self._run(mono)
        self._told_mono = mono
        self._seq += 1
        return CounterReading(
            at=now,
            boot=self.boot,
            seq=self._seq,
            in_total=int(self._in),
            out_total=int(self._out),
        )

    def _run(self, mono: float) -> None:
        passed = 0.0 if self._mono is None else mono - self._mono
        self._mono = mono
        if self.inflow_p_s >= 0:
            self._in += self.inflow_p_s * passed
        else:
            self._out -= self.inflow_p_s * passed
