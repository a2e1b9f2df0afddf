"""What the schema refuses, told so that the person who typed it can put it right."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.document import Document
from config.findings import FieldPath, Finding
from config.schema import SiteFile

_ID = "an id of a to z, 0 to 9 and -, at most 64 long, such as `bridge-north`"
_REFERENCE = "`env:NAME` or `file:path`: secrets never stand in the site file"

HINTS: dict[str, str] = {
    "id": _ID,
    "password": _REFERENCE,
    "url": "`rtsp://address:port/path`, with the name and password in `username` and `password`",
    "name": "both languages: {zh: 银锭桥, en: Yinding Bridge}",
    "text": "both languages: {zh: …, en: …}",
    "cancel": "the text that takes the message back, {zh: …, en: …}; no plan goes without one",
    "outline": "at least three corners in metres: [[0, 0], [30, 0], [30, 12]]",
    "origin": "{lat: 39.94, lon: 116.39}",
    "raise_at": "one value per level, growing: {blue: 2.0, yellow: 3.0, orange: 4.0, red: 5.0}",
    "zones": "a list of zone ids, as in [bridge, yandai]",
    "points": "at least four points {px: 96, py: 120, x_m: 1.5, y_m: 8.0}",
    "corners": "at least four corners {px: 96, py: 120, column: 0, row: 3}",
    "marks": "at least four people {foot_px: [310, 420], head_px: [312, 250]}",
    "foot_px": "[column, row] in pixels",
    "head_px": "[column, row] in pixels",
}
"""What is right, by the name of the field."""

_CREDENTIALS = re.compile(r"//[^/]*@")


def explain(error: ValidationError, document: Document) -> list[Finding]:
    """One finding per fault, in the order of the file."""
    told: dict[FieldPath, tuple[str, str]] = {}
    for details in error.errors(include_url=False, include_input=True):
        path = _place(details, document)
        told.setdefault(path, _words(details, path))
    # A field of two shapes (a list, or `all`) is refused once per shape: the deeper one tells more.
    paths = [path for path in told if not _has_deeper(path, told)]
    findings = [document.finding(path, *told[path]) for path in paths]
    return sorted(findings, key=lambda finding: finding.line)


def _has_deeper(path: FieldPath, paths: Iterable[FieldPath]) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in paths)


def _place(details: ErrorDetails, document: Document) -> FieldPath:
    """The field's place in the file: pydantic's own names of shapes are left out."""
    path: FieldPath = ()
    *around, last = details["loc"] or ("",)
    for part in around:
        if document.has((*path, part)):
            path = (*path, part)
    if details["type"] == "missing" or document.has((*path, last)):
        path = (*path, last)
    return path


def _words(details: ErrorDetails, path: FieldPath) -> tuple[str, str]:
    """What is wrong and what would be right."""
    kind, name = details["type"], _name(path)
    if kind == "missing":
        return "is missing", f"add {HINTS.get(name, f'`{name}`')}"
    if kind == "extra_forbidden":
        return "is not a key that can stand here", _nearest_key(path)
    if kind == "value_error":
        return details["msg"].removeprefix("Value error, "), ""
    hint = HINTS.get(name) if path[-1:] == (name,) else None
    right = _bound(kind, details.get("ctx", {})) or hint or _shape(kind, details["msg"])
    return f"{_shown(details['input'], name)} cannot stand here", f"expected {right}"


def _name(path: FieldPath) -> str:
    names = [part for part in path if isinstance(part, str)]
    return names[-1] if names else ""


def _shown(given: object, name: str) -> str:
    """What was given, without the secrets that somebody may have put into the wrong place."""
    if name == "password":
        return "what is given"
    match given:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return f"`{_CREDENTIALS.sub('//…@', given)[:60]}`"
        case _:
            return str(given)


_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_long": "at most {max_length} long",
    "string_too_long": "at most {max_length} long",
    "string_too_short": "not empty",
    "enum": "one of {expected}",
    "literal_error": "one of {expected}",
}


def _bound(kind: str, ctx: dict[str, Any]) -> str | None:
    template = _BOUNDS.get(kind)
    return None if template is None else template.format_map(ctx)


_SHAPES = {
    "string_type": "text; put it in quotes",
    "string_pattern_mismatch": _ID,
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list: [one, two], or lines that begin with `-`",
    "model_type": "keys with their values, indented under this one",
    "dict_type": "keys with their values, indented under this one",
    "tuple_type": "a pair of numbers, [east, north] in metres",
    "time_parsing": "a time of day, such as 08:00",
    "missing_argument": "both numbers",
}


def _shape(kind: str, message: str) -> str:
    return _SHAPES.get(kind, message[:1].lower() + message[1:])


def _nearest_key(path: FieldPath) -> str:
    known = list(_fields(path[:-1]))
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known keys: {', '.join(known)}"


def _fields(path: FieldPath) -> Iterable[str]:
    """The keys that may stand in the mapping at this place."""
    model: type[BaseModel] = SiteFile
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model.model_fields


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
