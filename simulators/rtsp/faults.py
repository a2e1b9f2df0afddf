"""Breaks simulated cameras by command, one a line: `CAMERA FAULT`, `all FAULT`, `reboot SECONDS`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from simulators.rtsp.feed import Fault
from simulators.rtsp.server import CameraServer

_LOG = logging.getLogger(__name__)
ALL, REBOOT = "all", "reboot"
DOWN_S, LONGEST_DOWN_S = 2.0, 600.0


class FaultError(ValueError):
    """A command that cannot be obeyed; says what would be right."""


class FaultDesk:
    """Obeys commands as soon as there are cameras; a wrong one is said and changes nothing."""

    def __init__(self) -> None:
        self._server: CameraServer | None = None
        self._reboots: set[asyncio.Task[None]] = set()

    def serve(self, server: CameraServer) -> None:
        """Whose cameras are to be broken from now on."""
        self._server = server

    def say(self, line: str) -> None:
        """Take one command; called in the cameras' loop."""
        try:
            self._obey(line)
        except FaultError as error:
            _LOG.error("%s", error)

    def _obey(self, line: str) -> None:
        who, _, what = line.strip().partition(" ")
        if not who:
            return
        if self._server is None:
            raise FaultError("there are no cameras yet")
        if who == REBOOT:
            self._reboot(self._server, _seconds(what))
            return
        if who != ALL and who not in self._server.feeds:
            raise FaultError(f"no simulated camera `{who[:64]}`")
        fault = _fault(what.strip())
        for camera in list(self._server.feeds) if who == ALL else [who]:
            self._server.set_fault(camera, fault)

    def _reboot(self, server: CameraServer, down_s: float) -> None:
        if self._reboots:
            raise FaultError("the cameras are rebooting already")
        task = asyncio.get_running_loop().create_task(server.reboot(down_s=down_s), name="reboot")
        self._reboots.add(task)
        done: Callable[[asyncio.Task[None]], None] = self._reboots.discard
        task.add_done_callback(done)


def _seconds(text: str) -> float:
    try:
        seconds = float(text) if text.strip() else DOWN_S
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_DOWN_S:
        raise FaultError(f"reboot: a number of seconds up to {LONGEST_DOWN_S:.0f}")
    return seconds


def _fault(text: str) -> Fault:
    try:
        return Fault(text)
    except ValueError:
        names = ", ".join(fault.value for fault in Fault)
        raise FaultError(f"no fault `{text[:20]}`; one of {names}") from None
