"""What is wrong in a site file: where, what, and what would be right."""

from __future__ import annotations

from pathlib import Path

import msgspec

FieldPath = tuple[str | int, ...]
"""The way to a field: keys and list positions from the top of the file."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a site file, as `file:line: field: what, and what would be right`."""

    file: str
    line: int
    field: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        told = f"{self.what}, {self.right}" if self.right else self.what
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {told}" if self.field else f"{where}: {told}"


class SiteFileError(Exception):
    """The site file is refused; `findings` names every fault that was found at once."""

    def __init__(self, path: Path, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.path = path
        self.findings = findings


def field_name(path: FieldPath) -> str:
    """A field as people point at it: `rules[2].raise_at.red`."""
    told = ""
    for part in path:
        told += f"[{part}]" if isinstance(part, int) else f".{part}" if told else part
    return told
