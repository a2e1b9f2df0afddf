"""Looking on: what is on disk in a store that another process writes into."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from store import records
from store.database import Readers
from store.embedded import FILE_NAME


class Onlooker:
    """Reads the tallies of a running service's store; it sees what was committed, and only that."""

    def __init__(self, folder: Path) -> None:
        self._readers = Readers(folder / FILE_NAME, size=1)

    def counts(self) -> dict[str, int]:
        """Rows ever taken in, by table."""
        with self._readers.connection() as db:
            return records.counts(db)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._readers.close()
