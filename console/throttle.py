"""A limit on wrong sign-ins by address; the accounts count by person themselves."""

from __future__ import annotations

from collections import OrderedDict, deque

FAILURES_ALLOWED = 10
WINDOW_S = 60.0
ADDRESSES_KEPT = 1000


class Throttle:
    """Wrong sign-ins of the last minute by address. Past the bound, the longest quiet is forgot."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, mono: float) -> int:
        """Whole seconds until this address may try again; 0 when it may now."""
        failures = self._failures.get(address)
        if failures is None:
            return 0
        while failures and mono - failures[0] >= WINDOW_S:
            failures.popleft()
        if len(failures) < FAILURES_ALLOWED:
            return 0
        return max(1, int(WINDOW_S - (mono - failures[0])) + 1)

    def failed(self, address: str, mono: float) -> None:
        """Count one wrong sign-in."""
        failures = self._failures.setdefault(address, deque(maxlen=FAILURES_ALLOWED))
        failures.append(mono)
        self._failures.move_to_end(address)
        while len(self._failures) > ADDRESSES_KEPT:
            self._failures.popitem(last=False)
