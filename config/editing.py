"""Editing the site file from the console: one change at a time, comments kept, checked whole.

A change is tried on a copy beside the file. Only when the whole site passes every check does the
copy take the file's place, in one step. Whoever edits says which version they saw: a file that
changed since is not written over. A file that cannot be written gives the change as a diff.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from config.findings import SiteFileError
from config.site_file import inspect_site

KINDS: Final = (
    "zones",
    "cameras",
    "counters",
    "sensors",
    "terminals",
    "bollards",
    "rules",
    "plans",
    "people",
    "catalogue",
)
"""Lists of the site file whose things have an id."""

HIDDEN: Final = frozenset({"username", "password"})
"""Fields that are never shown, and stay as they are where a change does not name them."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing as it shall be; without `value` it is removed. The roster has no ids."""

    kind: str
    id: str = ""
    value: dict[str, Any] | list[Any] | None = None


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What a change made of the file: its diff, and the version that stands now."""

    saved: bool
    diff: str
    version: str


class StaleVersionError(Exception):
    """The file has changed since it was read."""


class UnknownThingError(Exception):
    """There is no such kind, or no thing of that id to remove."""


class SiteEditor:
    """The one door to the site file for changes. Any thread may call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = Lock()

    @property
    def writable(self) -> bool:
        """Whether a change can be saved, or only be shown as a diff."""
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    def version(self) -> str:
        """A word that changes whenever the file does."""
        return _version(self.path.read_text(encoding="utf-8"))

    def change(self, change: Change, *, version: str, preview: bool = False) -> Edited:
        """Make one change, or with `preview` show what it would make of the file.

        Raises StaleVersionError, UnknownThingError, or SiteFileError with every finding.
        """
        with self._guard:
            before = self.path.read_text(encoding="utf-8")
            if _version(before) != version:
                raise StaleVersionError
            after = edited(before, change)
            diff = "".join(
                difflib.unified_diff(
                    before.splitlines(keepends=True),
                    after.splitlines(keepends=True),
                    self.path.name,
                    self.path.name,
                    n=2,
                )
            )
            if preview or not self.writable:
                self._check_elsewhere(after)
                return Edited(saved=False, diff=diff, version=version)
            self._replace(after)
            return Edited(saved=True, diff=diff, version=_version(after))

    def _check_elsewhere(self, text: str) -> None:
        """Check a text as if it were the file, without a trace beside a file that is read-only."""
        if self.writable:
            candidate = self.path.with_name(f".{self.path.name}.{os.getpid()}.preview")
            candidate.write_text(text, encoding="utf-8")
            try:
                _inspect(candidate, self.path)
            finally:
                candidate.unlink()
            return
        with tempfile.TemporaryDirectory() as folder:
            candidate = Path(folder) / self.path.name
            candidate.write_text(text, encoding="utf-8")
            _inspect(candidate, self.path)

    def _replace(self, text: str) -> None:
        candidate = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            with candidate.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            candidate.chmod(self.path.stat().st_mode & 0o777)
            _inspect(candidate, self.path)
            candidate.replace(self.path)
        finally:
            candidate.unlink(missing_ok=True)


def edited(text: str, change: Change) -> str:
    """The file's text with one change made, everything else as it was."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    site = yaml.load(text)
    if change.kind == "roster":
        site["roster"] = _plain(change.value or [])
    else:
        _change_thing(site, change)
    out = io.StringIO()
    yaml.dump(site, out)
    return out.getvalue()


def _change_thing(site: CommentedMap, change: Change) -> None:
    if change.kind not in KINDS:
        raise UnknownThingError(change.kind)
    things = site.get(change.kind)
    if things is None:
        things = site[change.kind] = CommentedSeq()
    at = next((n for n, one in enumerate(things) if one.get("id") == change.id), None)
    if change.value is None:
        if at is None:
            raise UnknownThingError(change.id)
        del things[at]
    elif isinstance(change.value, Mapping):
        value = {**change.value, "id": change.id}
        if at is None:
            ordered = {"id": change.id} | value
            things.append(_plain({k: v for k, v in ordered.items() if v is not None}))
        else:
            _bring_up(things[at], value)


def _bring_up(known: CommentedMap, value: Mapping[str, Any]) -> None:
    """Make a mapping equal to a value, touching only what differs."""
    for key in [key for key in known if key not in value and key not in HIDDEN]:
        del known[key]
    for key, wanted in value.items():
        if wanted is None:
            known.pop(key, None)
        elif isinstance(wanted, Mapping) and isinstance(known.get(key), CommentedMap):
            _bring_up(known[key], wanted)
        elif known.get(key) != wanted:
            known[key] = _plain(wanted)


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as it is written: small things on one line, as in the shipped files."""
    if isinstance(value, Mapping):
        made = CommentedMap(
            {key: _plain(one, depth + 1) for key, one in value.items() if one is not None}
        )
        if depth and not any(isinstance(one, list | Mapping) for one in value.values()):
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        made_list = CommentedSeq([_plain(one, depth + 1) for one in value])
        if not any(isinstance(one, Mapping) for one in value):
            made_list.fa.set_flow_style()
        return made_list
    return value


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _inspect(candidate: Path, path: Path) -> None:
    """Check a candidate; what is found is told as of the file itself."""
    try:
        inspect_site(candidate)
    except SiteFileError as error:
        found = [msgspec.structs.replace(one, file=path.name) for one in error.findings]
        raise SiteFileError(path, found) from None
