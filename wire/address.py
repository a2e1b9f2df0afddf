"""Where the broker is and how we show who we are; secrets never print."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

import msgspec


class BrokerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's address with the credentials to use there.

    `ca_file` names the certificate authority where the system's own do not know it.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"BrokerAddress({self})"

    def __str__(self) -> str:
        scheme = "mqtts" if self.tls else "mqtt"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the broker is on this machine: anything else needs TLS and credentials."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def tls_context(self) -> ssl.SSLContext | None:
        """The context to connect with, or None without TLS. OSError for an unreadable CA file."""
        if not self.tls:
            return None
        return ssl.create_default_context(cafile=self.ca_file)
