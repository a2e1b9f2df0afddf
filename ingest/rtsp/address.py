"""A camera's RTSP address taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


class AddressError(ValueError):
    """Not an address of an RTSP camera; says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a camera is and who asks; `url` is what goes over the wire and has no password in it."""

    url: str
    host: str
    port: int
    secure: bool = False
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Take an address like rtsp://user:password@host:554/path, or rtsps, apart."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise AddressError(f"not an address: {error}") from error
        if parts.scheme not in DEFAULT_PORTS or not host:
            raise AddressError("an address must look like rtsp://user:password@host:554/path")
        if any(ord(letter) < 33 or ord(letter) > 126 for letter in text):
            raise AddressError(
                "an address has no spaces and only ASCII letters; write others as %XX"
            )
        netloc = f"[{host}]" if ":" in host else host
        if port is not None:
            netloc += f":{port}"
        return cls(
            url=urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, "")),
            host=host,
            port=port or DEFAULT_PORTS[parts.scheme],
            secure=parts.scheme == "rtsps",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def redirected(self, location: str) -> Address:
        """The address that a camera sends us to, asked with the same name and password."""
        there = Address.parse(joined(self.url, location))
        if self.secure and not there.secure:
            raise AddressError("from an encrypted address to one that is not")
        return replace(there, username=self.username, password=self.password)


def joined(base_url: str, reference: str) -> str:
    """A reference as seen from an address; older Pythons resolve none from rtsps."""
    if base_url.startswith("rtsps:"):
        there = urljoin("rtsp:" + base_url.removeprefix("rtsps:"), reference)
        absolute = "://" in reference
        return there if absolute else "rtsps:" + there.removeprefix("rtsp:")
    return urljoin(base_url, reference)
