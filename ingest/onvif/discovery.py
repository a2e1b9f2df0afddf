"""Finds ONVIF cameras on this network by WS-Discovery: one question to everybody, answers for some seconds."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import msgspec

from ingest.onvif.document import DocumentError, Element, read_document

EVERYBODY = ("239.255.255.250", 3702)
ASKED_TIMES = 2
FOUND_MOST = 1000
ADDRESSES_MOST = 8
ADDRESS_MOST = 300
_SCOPE = "onvif://www.onvif.org/"

_QUESTION = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>
<w:MessageID>{id}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that answered: its own name for itself, where its device service is, what it says of itself."""

    endpoint: str
    addresses: list[str]
    name: str = ""
    hardware: str = ""
    location: str = ""


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, question: str) -> None:
        self._question = question
        self.found: dict[str, Found] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's signature
        """Take one answer in; what is no answer to our question is passed over."""
        try:
            answer = read_document(data)
        except DocumentError:
            return
        if answer.said("RelatesTo") != self._question:
            return
        for match in answer.all("ProbeMatch"):
            device = _device(match)
            if device is not None and len(self.found) < FOUND_MOST:
                self.found.setdefault(device.endpoint, device)


def _device(match: Element) -> Found | None:
    addresses = [one for one in match.said("XAddrs").split() if _usable(one)][:ADDRESSES_MOST]
    if not addresses:
        return None
    scopes: dict[str, str] = {}
    for scope in match.said("Scopes").split():
        kind, _, value = scope.removeprefix(_SCOPE).partition("/")
        if scope.startswith(_SCOPE) and value:
            plain = "".join(letter for letter in unquote(value) if letter.isprintable())
            scopes.setdefault(kind, plain[:100])
    return Found(
        endpoint=match.said("EndpointReference", "Address")[:ADDRESS_MOST] or addresses[0],
        addresses=addresses,
        name=scopes.get("name", ""),
        hardware=scopes.get("hardware", ""),
        location=scopes.get("location", ""),
    )


def _usable(address: str) -> bool:
    if len(address) > ADDRESS_MOST or not address.isascii() or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


async def discover(target: tuple[str, int] = EVERYBODY, *, seconds: float) -> list[Found]:
    """Ask and collect answers for so many seconds; asked twice, since datagrams get lost.

    `target` may also be one device. At most 1000 devices; raises OSError where nothing can be sent.
    """
    loop = asyncio.get_running_loop()
    question = f"urn:uuid:{uuid4()}"
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    answers = _Answers(question)
    transport, _ = await loop.create_datagram_endpoint(lambda: answers, family=family)
    try:
        here = transport.get_extra_info("socket")
        if family == socket.AF_INET:
            here.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        for _ in range(ASKED_TIMES):
            transport.sendto(_QUESTION.format(id=question).encode(), target)
            await asyncio.sleep(seconds / ASKED_TIMES)
    finally:
        transport.close()
    return sorted(answers.found.values(), key=lambda one: one.addresses)
