"""The camera's side of RTSP digest authentication (RFC 7616, also in its older form of RFC 2617)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda text: hashlib.sha256(text).hexdigest(),
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
}


class Gate:
    """One connection's challenge and its check; it never says what was wrong."""

    def __init__(self, *, username: str, password: str, realm: str = "camera") -> None:
        self._username, self._password, self._realm = username, password, realm
        self._nonce = secrets.token_hex(16)

    def challenges(self) -> list[str]:
        """WWW-Authenticate values, the strongest first; old players take the last."""
        return [
            f'Digest realm="{self._realm}", nonce="{self._nonce}", algorithm={name}, qop="auth"'
            if name != "MD5"
            else f'Digest realm="{self._realm}", nonce="{self._nonce}", algorithm=MD5'
            for name in ALGORITHMS
        ]

    def admits(self, method: str, authorization: str | None) -> bool:
        """Whether this Authorization header proves the password for this method."""
        if authorization is None or not authorization.startswith("Digest "):
            return False
        given = {name: quoted or plain for name, quoted, plain in _FIELD.findall(authorization)}
        digest = ALGORITHMS.get(given.get("algorithm", "MD5"))
        if (
            digest is None
            or given.get("nonce") != self._nonce
            or given.get("username") != self._username
        ):
            return False
        who = digest(f"{self._username}:{self._realm}:{self._password}".encode())
        what = digest(f"{method}:{given.get('uri', '')}".encode())
        middle = self._nonce
        if "qop" in given:
            middle += f":{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
        expected = digest(f"{who}:{middle}:{what}".encode())
        return hmac.compare_digest(expected, given.get("response", ""))
