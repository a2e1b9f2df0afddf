"""What can go wrong with a camera's stream, each with the state to show for it."""

from __future__ import annotations

from model.picture import SourceState


class CameraError(Exception):
    """A camera gives no pictures; `state` says in which of the named ways, the text says more."""

    def __init__(self, state: SourceState, detail: str) -> None:
        super().__init__(f"{state.value}: {detail}")
        self.state, self.detail = state, detail


def garbled(detail: str) -> CameraError:
    """What came is not what the protocol allows."""
    return CameraError(SourceState.GARBLED, detail)


def unreachable(detail: str) -> CameraError:
    """Nobody answers, or the connection broke."""
    return CameraError(SourceState.UNREACHABLE, detail)
