"""The shelf of recordings: one folder, each file named by its content, bounded in number and size.

Recordings of the site's own plans stay; of the others those go first that were asked for longest
ago. A file that is not what its name says is thrown away when it is found, and counted; whoever
renders is told of it, so that it is made anew.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from devices.speech.synthesis import Lack, LackError
from model.recordings import BYTES_MOST

log = logging.getLogger(__name__)

FILES_MOST = 1000
SHELF_BYTES_MOST = 256 * 1024 * 1024

_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""These say that this machine is short of something, and nothing about a file."""

_FILE = re.compile(r"([0-9a-f]{64})-([0-9a-f]{64})\.wav")


@dataclass(slots=True)
class _Kept:
    sha256: str
    size: int
    stays: bool


class Shelf:
    """Recordings by what was asked for (`recipe`) and by their own hash. Any thread may call."""

    def __init__(
        self, folder: Path, *, files_most: int = FILES_MOST, bytes_most: int = SHELF_BYTES_MOST
    ) -> None:
        self._folder = folder
        self._files_most = files_most
        self._bytes_most = bytes_most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._recipes: dict[str, str] = {}
        self._guard = Lock()
        self.evicted = 0
        self.spoiled = 0
        self.on_spoiled: Callable[[str], None] = lambda _: None
        """Told the recipe of each recording that turns out to be gone or altered."""

    def open(self) -> None:
        """Take in what an earlier life left, oldest first. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.iterdir(), key=_age_s):
            try:
                self._take_in(path)
            except OSError as error:
                self.spoiled += 1
                log.warning("recordings: %s cannot be read and is passed over: %s", path, error)
        with self._guard:
            self._make_room(0)

    def _take_in(self, path: Path) -> None:
        name = _FILE.fullmatch(path.name)
        if name is not None and _is_whole(path, name[2]):
            size = path.stat().st_size
            with self._guard:
                self._put(name[1], _Kept(name[2], size, stays=False))
        else:
            log.warning("recordings: %s is not what it is named by and is removed", path.name)
            path.unlink(missing_ok=True)
            self.spoiled += 1

    @property
    def files(self) -> int:
        """How many recordings there are."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes of all recordings."""
        with self._guard:
            return sum(kept.size for kept in self._kept.values())

    def find(self, recipe: str, *, stays: bool = False) -> str | None:
        """The hash of what was rendered for these words, or none; `stays` keeps it for good."""
        with self._guard:
            kept = self._kept.get(recipe)
            if kept is None:
                return None
            if not self._is_there(recipe, kept):
                self._spoil(recipe)
                return None
            kept.stays = kept.stays or stays
            self._kept.move_to_end(recipe)
            return kept.sha256

    def path_of(self, sha256: str) -> Path | None:
        """The file with this content, or none."""
        with self._guard:
            recipe = self._recipes.get(sha256)
            return None if recipe is None else self._path(recipe, sha256)

    def open_whole(self, sha256: str) -> BinaryIO | None:
        """The recording with this content, read through once and found to be it; or none.

        It can be read to its end, also when it is let go of meanwhile. Raises OSError where this
        machine can open no more files.
        """
        path = self.path_of(sha256)
        if path is None:
            return None
        try:
            file = path.open("rb")
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                file.seek(0)
                return file
            file.close()
        except OSError as error:
            if error.errno in _OURS:
                raise
            log.warning("recordings: %s: %s", path.name, error)
        with self._guard:
            recipe = self._recipes.get(sha256)
            if recipe is None or self._path(recipe, sha256) != path:
                return None  # let go of in the meantime
            self._spoil(recipe)
        self.on_spoiled(recipe)
        return None

    def put(self, recipe: str, wav: bytes, *, stays: bool) -> str:
        """Lay a recording down, whole or not at all; its hash. Raises LackError, OSError."""
        sha256 = hashlib.sha256(wav).hexdigest()
        path = self._path(recipe, sha256)
        with self._guard:
            self._make_room(len(wav))
        candidate = path.with_suffix(".part")
        try:
            with candidate.open("wb") as file:
                file.write(wav)
                file.flush()
                os.fsync(file.fileno())
            candidate.replace(path)
        finally:
            candidate.unlink(missing_ok=True)
        with self._guard:
            self._put(recipe, _Kept(sha256, len(wav), stays))
        return sha256

    def _put(self, recipe: str, kept: _Kept) -> None:
        self._kept[recipe] = kept
        self._recipes[kept.sha256] = recipe

    def _path(self, recipe: str, sha256: str) -> Path:
        return self._folder / f"{recipe}-{sha256}.wav"

    def _make_room(self, size: int) -> None:
        """Let go of what was asked for longest ago; what stays is never let go of."""
        coming = 1 if size else 0
        total = sum(kept.size for kept in self._kept.values())
        loose = [recipe for recipe, kept in self._kept.items() if not kept.stays]
        while len(self._kept) + coming > self._files_most or total + size > self._bytes_most:
            if not loose:
                raise LackError(Lack.SHELF_FULL, "the plans' own recordings fill the shelf")
            recipe = loose.pop(0)
            total -= self._let_go(recipe)

    def _is_there(self, recipe: str, kept: _Kept) -> bool:
        try:
            return self._path(recipe, kept.sha256).stat().st_size == kept.size
        except OSError:
            return False

    def _spoil(self, recipe: str) -> None:
        """Forget a recording that is not what its name says; the file goes if it can."""
        log.warning("recordings: %s is gone or altered and is made anew", self._kept[recipe].sha256)
        self.spoiled += 1
        with suppress(OSError):
            self._take_out(recipe)

    def _let_go(self, recipe: str) -> int:
        self.evicted += 1
        return self._take_out(recipe)

    def _take_out(self, recipe: str) -> int:
        gone = self._kept.pop(recipe)
        same = (name for name, kept in self._kept.items() if kept.sha256 == gone.sha256)
        other = next(same, None)
        if other is None:
            del self._recipes[gone.sha256]
        else:
            # Words that differ only in what is not spoken sound the same.
            self._recipes[gone.sha256] = other
        self._path(recipe, gone.sha256).unlink(missing_ok=True)
        return gone.size


def _age_s(path: Path) -> float:
    """When a file was written, for the order; one that cannot be asked comes first."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        if path.stat().st_size > BYTES_MOST:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False
