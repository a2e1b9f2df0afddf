"""Our side of RTSP authentication: digest with SHA-256 or MD5 (RFC 7616, RFC 2617), else basic."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence

_FIELD = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_DIGESTS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda text: hashlib.sha256(text).hexdigest(),
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
}


class Login:
    """Answers a camera's challenges; the strongest digest that it offers, basic only if no digest."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        self._basic = False
        self._fields: dict[str, str] = {}
        self._algorithm = ""
        self._count = 0

    def challenged(self, challenges: Sequence[str]) -> bool:
        """Take in WWW-Authenticate values; False where none of them can be answered."""
        if not self._username:
            return False
        self.forget()
        for challenge in challenges:
            scheme, _, rest = challenge.strip().partition(" ")
            if scheme.lower() == "basic":
                self._basic = True
            elif scheme.lower() == "digest":
                fields = {
                    name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(rest)
                }
                name = fields.get("algorithm", "MD5").upper()
                if name in _DIGESTS and "nonce" in fields and self._algorithm != "SHA-256":
                    self._algorithm, self._fields, self._count = name, fields, 0
        return bool(self._algorithm) or self._basic

    def forget(self) -> None:
        """Answer no challenge any more until the next is taken in."""
        self._algorithm, self._basic = "", False

    def authorization(self, method: str, url: str) -> str | None:
        """The Authorization value of one request; None before any challenge."""
        if self._algorithm:
            return self._digest(method, url)
        if self._basic:
            return "Basic " + b64encode(f"{self._username}:{self._password}".encode()).decode()
        return None

    def _digest(self, method: str, url: str) -> str:
        digest, fields = _DIGESTS[self._algorithm], self._fields
        realm, nonce = fields.get("realm", ""), fields["nonce"]
        who = digest(f"{self._username}:{realm}:{self._password}".encode())
        what = digest(f"{method}:{url}".encode())
        values = {"username": self._username, "realm": realm, "nonce": nonce, "uri": url}
        middle = nonce
        plain = ""
        if "auth" in [each.strip() for each in fields.get("qop", "").split(",")]:
            self._count += 1
            once = secrets.token_hex(8)
            middle = f"{nonce}:{self._count:08x}:{once}:auth"
            values["cnonce"] = once
            plain = f", qop=auth, nc={self._count:08x}"
        values["response"] = digest(f"{who}:{middle}:{what}".encode())
        if "opaque" in fields:
            values["opaque"] = fields["opaque"]
        if "algorithm" in fields:
            plain += f", algorithm={fields['algorithm']}"
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in values.items()) + plain
