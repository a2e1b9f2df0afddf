"""A YAML file as plain values, each with the line it stands on.

Only what a site file needs is let in: mappings, lists and plain scalars. Aliases, merge keys and
tags are refused, so that no small file grows large in memory and nothing hides behind a name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.findings import FieldPath, Finding, SiteFileError, field_name

FILE_AT_MOST_BYTES = 5_000_000
NESTED_AT_MOST = 12
_TAG = "tag:yaml.org,2002:"


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
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _refused(
            path, line, f"not valid YAML: {error.problem}", _remedy(text, line)
        ) from None
    except (YAMLError, ValueError) as error:
        raise _refused(path, 1, f"not valid YAML: {error}") from None
    except RecursionError:
        raise _refused(path, 1, "nested far too deep", "a site file is some levels deep") from None
    if not isinstance(root, MappingNode):
        raise _refused(
            path, 1, "holds no site", "it begins with `site:` and ends with its devices and rules"
        )
    builder = _Builder(path)
    values = builder.value(root, ())
    if builder.findings:
        raise SiteFileError(path, builder.findings)
    return Document(path, values, builder.lines)


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
    """Turns nodes into plain values and notes the line of each."""

    def __init__(self, path: Path) -> None:
        self.lines: dict[FieldPath, int] = {}
        self.findings: list[Finding] = []
        self._file = str(path)

    def value(self, node: Node, path: FieldPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if node.anchor is not None:
            self._refuse(node, path, f"an anchor (`&{node.anchor}`)", "write every value in full")
            return None
        if len(path) > NESTED_AT_MOST:
            self._refuse(node, path, "nested too deep", "see docs/site-file.md")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, n)) for n, item in enumerate(node.value)]
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _refuse(self, node: Node, path: FieldPath, what: str, right: str) -> None:
        self.findings.append(
            Finding(
                file=self._file,
                line=node.start_mark.line + 1,
                field=field_name(path),
                what=what,
                right=right,
            )
        )

    def _mapping(self, node: MappingNode, path: FieldPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag == _TAG + "merge":
                self._refuse(key_node, path, "a key that is no plain word", "write a plain key")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in values:
                first = self.lines[here]
                self._refuse(
                    key_node, here, f"stands here twice (first on line {first})", "keep one"
                )
                continue
            self.lines[here] = key_node.start_mark.line + 1
            values[key] = self.value(value_node, here)
        return values

    def _scalar(self, node: ScalarNode, path: FieldPath) -> str | int | float | bool | None:
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float":
                return self._number(node, path, text)
            case _:
                self._refuse(node, path, f"the tag {node.tag}", "leave the tag out")
                return None

    def _number(self, node: ScalarNode, path: FieldPath, text: str) -> int | float | None:
        try:
            number = float(text) if any(c in text for c in ".eEn") else int(text, 10)
        except ValueError:
            self._refuse(node, path, f"{text} is an unusual number", "write it in decimals")
            return None
        if not math.isfinite(number):
            self._refuse(node, path, f"{text} is no number", "write a finite number")
            return None
        return number
