"""Whether the service can do its work, by named reasons."""

from __future__ import annotations

from collections.abc import Callable

from wire.link import BrokerLink
from wire.link_terms import LinkState


class LinkReadiness:
    """Not ready without the broker, or when the spine stopped."""

    def __init__(self, link: BrokerLink, spine_failed: Callable[[], bool]) -> None:
        self._link = link
        self._spine_failed = spine_failed

    def unready(self) -> tuple[str, ...]:
        """Named reasons; empty when ready."""
        reasons = []
        if self._link.state is not LinkState.CONNECTED:
            reasons.append(f"broker_{self._link.state.value}")
        if self._spine_failed():
            reasons.append("spine_stopped")
        return tuple(reasons)
