"""Looks at cameras: each is a decision that is written down before the picture is shown."""

from __future__ import annotations

from collections import OrderedDict

LASTS_S = 600.0
KEPT = 20_000


class Looks:
    """Which session has looked at which camera of late, so that one look is written once."""

    def __init__(self) -> None:
        self._since: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_new(self, session: str, camera: str, mono: float) -> bool:
        """Whether this is a look that still has to be written."""
        since = self._since.get((session, camera))
        return since is None or mono - since >= LASTS_S

    def written(self, session: str, camera: str, mono: float) -> None:
        """Note that it was; past the bound the oldest is forgotten and written again."""
        self._since[session, camera] = mono
        self._since.move_to_end((session, camera))
        while len(self._since) > KEPT:
            self._since.popitem(last=False)
