"""RTSP messages as bytes: requests written, responses read strictly and within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.rtsp.failure import garbled

MAX_HEAD_BYTES = 16_384
MAX_BODY_BYTES = 65_536
MAX_FIELDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A camera's answer; field names in lower case, each with all its values."""

    status: int
    reason: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""

    def first(self, name: str) -> str | None:
        """The first value of a field."""
        values = self.fields.get(name)
        return values[0] if values else None


def request(method: str, url: str, fields: dict[str, str]) -> bytes:
    """One request without a body."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in fields.items())]
    text = "\r\n".join(lines)
    if any(ord(letter) < 32 and letter not in "\r\n" for letter in text):
        raise garbled("a control character in a request")
    return (text + "\r\n\r\n").encode("utf-8")


def read_message(data: bytes, start: int) -> tuple[Response | None, int]:
    """The message at `start` and where it ends; (None, start) while it is not complete.

    A request of the camera to us comes back as a Response of status 0. Raises a garbled
    CameraError for anything else and for messages beyond the bounds.
    """
    end = data.find(b"\r\n\r\n", start, start + MAX_HEAD_BYTES + 4)
    if end < 0:
        if len(data) - start > MAX_HEAD_BYTES:
            raise garbled("a header without an end")
        _check_beginning(data[start : start + 64])
        return None, start
    lines = data[start:end].decode("latin-1").split("\r\n")
    if len(lines) > MAX_FIELDS:
        raise garbled("too many header fields")
    status, reason = _status(lines[0])
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, mark, value = line.partition(":")
        if mark:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    length = (fields.get("content-length") or ["0"])[0]
    if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY_BYTES:
        raise garbled(f"a body of {length[:20]!r} bytes")
    stop = end + 4 + int(length)
    if stop > len(data):
        return None, start
    return Response(status=status, reason=reason, fields=fields, body=data[end + 4 : stop]), stop


def _check_beginning(beginning: bytes) -> None:
    """Refuse early what cannot become a message, so that noise is not gathered for long."""
    if any(byte < 9 or byte > 126 for byte in beginning):
        raise garbled("bytes that are no RTSP")


def _status(line: str) -> tuple[int, str]:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if version.startswith("RTSP/") and len(code) == 3 and code.isascii() and code.isdigit():
        return int(code), "".join(letter for letter in reason[:200] if letter.isprintable())
    if line.endswith(("RTSP/1.0", "RTSP/2.0")):
        return 0, line[:200]
    raise garbled("a first line that is no RTSP")
