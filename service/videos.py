"""Video files that stand in for cameras."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm", ".m4v"})
VIDEOS_MOST = 8


def videos_in(folder: Path | None) -> list[Path]:
    """The video files of a folder by name, at most eight; none where no folder is given."""
    if folder is None:
        return []
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        log.warning("%s: no video files (%s)", folder, ", ".join(sorted(SUFFIXES)))
    if len(found) > VIDEOS_MOST:
        log.warning("%s: only the first %d videos are shown", folder, VIDEOS_MOST)
    return found[:VIDEOS_MOST]
