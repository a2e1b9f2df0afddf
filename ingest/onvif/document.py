"""XML from strangers, read strictly: no document type, no entities of its own, bounded in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 512_000
MAX_ELEMENTS = 20_000
MAX_DEPTH = 40
MAX_TEXT = 20_000


class DocumentError(ValueError):
    """Not a document that is read: not well formed, too large, or with a document type."""


@dataclass(slots=True)
class Element:
    """One element: its local name (prefixes differ between makers), attributes, text, children."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """Every element of this name below this one, in order of the document."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def first(self, *path: str) -> Element | None:
        """The first element down a path of names, each anywhere below the one before."""
        found: Element | None = self
        for name in path:
            found = None if found is None else next(found.all(name), None)
        return found

    def said(self, *path: str) -> str:
        """The text of the first element down a path; empty where there is none."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


class _Reader:
    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [self.root]
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise DocumentError("a document larger or deeper than any device's")
        made = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(made)
        self._open.append(made)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if len(self._open[-1].text) + len(data) > MAX_TEXT:
            raise DocumentError("a text longer than any device's")
        self._open[-1].text += data


def _refuse(_name: str, _system: str | None, _public: str | None, _internal: bool) -> None:  # noqa: FBT001 - expat's signature
    """Entities can only be declared in a document type: without one there are none."""
    raise DocumentError("a document type, which no device needs")


def read_document(data: bytes) -> Element:
    """The document's outermost element under a nameless one; raises DocumentError."""
    if len(data) > MAX_BYTES:
        raise DocumentError("a document larger than any device's")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's signature
    except expat.ExpatError as error:
        raise DocumentError(f"not XML: {error}") from error
    return reader.root
