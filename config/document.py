"""A YAML file as plain values, each with the line it stands on.

Only what a site file needs is let in: mappings, lists and plain scalars. Aliases, merge keys and
tags are refused, so that no small file grows large in memory and nothing hides behind a name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # its stubs are a package of their own

from config.findings import FieldPath, Finding, SiteFileError, field_name

FILE_AT_MOST_BYTES = 5_000_000
NESTED_AT_MOST = 12
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""libyaml where the wheel has it: twenty times faster than pure Python."""


class Document:
    """A file's values with their lines, counted from 1."""

    def __init__(self, path: Path, values: object, lines: dict[FieldPath, int]) -> None:
        self.path = path
        self.values = values
        self._lines = lines

    def has(self, path: FieldPath) -> bool:
        """Whether the file says anything at this place."""
        return path in self._lines

    def line(self, path: FieldPath) -> int:
        """The line of a field, or of the nearest thing around it that the file says."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def finding(self, path: FieldPath, what: str, right: str = "") -> Finding:
        return Finding(
            file=str(self.path),
            line=self.line(path),
            field=field_name(path),
            what=what,
            right=right,
        )


def read_document(path: Path) -> Document:
    """Read a YAML file; every failure is a `SiteFileError` with a line and a remedy."""
    text = _read_text(path)
    builder = _Builder(path)
    try:
        # Plain events, so that nesting is bounded here and not by the parser's stack.
        builder.read(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _refused(
            path, line, f"not valid YAML: {error.problem}", _remedy(text, line)
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"not valid YAML: a control character ({error.character:#x})"
        raise _refused(path, line, what, "delete it") from None
    if builder.findings:
        raise SiteFileError(path, builder.findings)
    return Document(path, builder.values, builder.lines)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_AT_MOST_BYTES:
            raise _refused(path, 1, "larger than 5 MB", "a site of 5,000 cameras needs about 2 MB")
        raw = path.read_bytes()
    except OSError as error:
        raise _refused(path, 1, f"cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(path, line, "not UTF-8", "save the file with the encoding UTF-8") from None


def _refused(path: Path, line: int, what: str, right: str = "") -> SiteFileError:
    return SiteFileError(
        path, [Finding(file=str(path), line=line, field="", what=what, right=right)]
    )


def _remedy(text: str, line: int) -> str:
    lines = text.splitlines()
    near = "\n".join(lines[max(0, line - 2) : line])
    if "\t" in near:
        return "indent with spaces, never with a tab"
    return "check the indentation, the colons and the brackets here and on the line before"


class _Builder:
    """Turns parser events into plain values and notes the line of each."""

    def __init__(self, path: Path) -> None:
        self.values: dict[str, Any] = {}
        self.lines: dict[FieldPath, int] = {}
        self.findings: list[Finding] = []
        self._file = str(path)
        self._events: Iterator[yaml.Event] = iter(())

    def read(self, events: Iterator[yaml.Event]) -> None:
        """Take in one document; findings are left in `findings`."""
        self._events = events
        for event in events:
            if isinstance(event, yaml.MappingStartEvent) and not self.lines:
                self.values = self._value(event, ())
            elif isinstance(event, yaml.NodeEvent):
                self._refuse(
                    event, (), "holds no site", "it begins with `site:`, then come the devices"
                )
                return
            elif isinstance(event, yaml.DocumentStartEvent) and self.lines:
                self._refuse(event, (), "a second document begins", "one file is one site")
                return
        if not self.lines and not self.findings:
            self.findings.append(
                Finding(
                    file=self._file, line=1, field="", what="holds no site", right="add `site:`"
                )
            )

    def _value(self, event: yaml.Event, path: FieldPath) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            name = f"an anchor or alias, `{event.anchor}`,"
            self._refuse(event, path, name, "write every value out in full")
        elif event.tag is not None:
            self._refuse(event, path, f"the tag {event.tag}", "leave the tag out")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None

    def _refuse(self, event: yaml.Event, path: FieldPath, what: str, right: str) -> None:
        self.findings.append(
            Finding(
                file=self._file,
                line=event.start_mark.line + 1,
                field=field_name(path),
                what=what,
                right=right,
            )
        )

    def _inside(self, end: type[yaml.Event], path: FieldPath) -> Iterator[yaml.Event]:
        """The events that begin each thing inside a mapping or list."""
        for event in self._events:
            if isinstance(event, end):
                return
            if len(path) >= NESTED_AT_MOST:
                self._refuse(event, path[:3], "nested too deep", "see docs/site-file.md")
                raise SiteFileError(Path(self._file), self.findings)
            yield event

    def _list(self, path: FieldPath) -> list[Any]:
        inside = self._inside(yaml.SequenceEndEvent, path)
        return [self._value(event, (*path, n)) for n, event in enumerate(inside)]

    def _mapping(self, path: FieldPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_event in self._inside(yaml.MappingEndEvent, path):
            key = key_event.value if isinstance(key_event, yaml.ScalarEvent) else None
            if key is None or key == "<<":
                self._refuse(key_event, path, "a key that is no plain word", "write a plain key")
                raise SiteFileError(Path(self._file), self.findings)
            here = (*path, str(key))
            if key in values:
                what = f"stands here twice (first on line {self.lines[here]})"
                self._refuse(key_event, here, what, "keep one")
            self.lines.setdefault(here, key_event.start_mark.line + 1)
            values[key] = self._value(next(self._events), here)
        return values

    def _scalar(self, event: yaml.ScalarEvent, path: FieldPath) -> str | int | float | bool | None:
        """A plain scalar by the core schema of YAML 1.2; anything in quotes is text."""
        text = str(event.value)
        if not event.implicit[0] or not _SPECIAL.fullmatch(text):
            return text
        if text.lower() in ("", "~", "null"):
            return None
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        number = _number(text)
        if number is None:
            self._refuse(event, path, f"{text} is no usual number", "write a number in decimals")
        return number


_SPECIAL = re.compile(
    r"""
    | ~ | null | Null | NULL | true | True | TRUE | false | False | FALSE
    | [-+]? (\.[0-9]+ | [0-9]+ (\.[0-9]*)?) ([eE][-+]?[0-9]+)?
    | 0o[0-7]+ | 0x[0-9a-fA-F]+ | [-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN)
    """,
    re.VERBOSE,
)


def _number(text: str) -> int | float | None:
    try:
        number = int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
