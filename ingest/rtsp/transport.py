"""What is asked for and agreed on in a Transport header of RTSP (RFC 2326, section 12.39)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A camera's choice: channels within the connection, or its ports and the address they are at."""

    channels: Pair | None = None
    ports: Pair | None = None
    source: str | None = None


def wish(ports: Pair | None) -> str:
    """What to ask for: datagrams to these ports, or everything within the connection."""
    if ports is None:
        return "RTP/AVP/TCP;unicast;interleaved=0-1"
    return f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]}"


def agreed(answer: str) -> Agreed:
    """What the camera chose; parts that cannot be read are as good as absent."""
    fields: dict[str, str] = {}
    for part in answer.split(";"):
        name, _, value = part.strip().partition("=")
        fields[name.lower()] = value.strip().strip('"')
    return Agreed(
        channels=_pair(fields.get("interleaved"), below=255),
        ports=_pair(fields.get("server_port"), below=65_535),
        source=_numeric(fields.get("source")),
    )


def _pair(text: str | None, *, below: int) -> Pair | None:
    first, _, second = (text or "").partition("-")
    if not (first.isascii() and first.isdigit() and len(first) <= 5 and int(first) < below):
        return None
    usable = second.isascii() and second.isdigit() and len(second) <= 5 and int(second) <= below
    return int(first), int(second) if usable else int(first) + 1


def _numeric(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text or ""))
    except ValueError:
        return None
