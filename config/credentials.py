"""Secrets that the site file points to: found, private and not a word that everybody tries."""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path

SECRET_AT_MOST_BYTES = 4096
_SHORTEST = 8

_EVERYBODY_TRIES = frozenset(
    [
        "admin",
        "admin123",
        "admin1234",
        "admin12345",
        "administrator",
        "password",
        "password1",
        "password123",
        "passw0rd",
        "p@ssw0rd",
        "p@ssword",
        "root",
        "root123",
        "toor",
        "guest",
        "default",
        "changeme",
        "change-me",
        "secret",
        "letmein",
        "welcome",
        "12345678",
        "123456789",
        "1234567890",
        "87654321",
        "88888888",
        "66666666",
        "11111111",
        "00000000",
        "11223344",
        "qwertyui",
        "qwerty123",
        "qwerty12",
        "abcd1234",
        "abc12345",
        "a1234567",
        "aa123456",
        "asdfghjk",
        "test1234",
        "testtest",
        "mosquitto",
        "hikvision",
        "hik12345",
        "hikvision123",
        "dahua123",
        "admin888",
        "camera123",
        "yinding",
        "yinding123",
    ]
)


class SecretFault(StrEnum):
    """Why a secret cannot be used."""

    MISSING = "missing"
    EXPOSED = "exposed"
    WEAK = "weak"


class SecretError(Exception):
    """A secret that cannot be used; the message never holds the secret itself."""

    def __init__(self, fault: SecretFault, what: str, right: str) -> None:
        super().__init__(f"{what}, {right}")
        self.fault = fault
        self.what = what
        self.right = right


def resolve_secret(reference: str, base: Path, *, username: str | None = None) -> str:
    """The secret behind `env:NAME` or `file:path` (relative to `base`, the site file's folder).

    Raises `SecretError` when it is not there, when others on the machine can read its file, or
    when it is empty, short, the user's own name or a word that everybody tries.
    """
    scheme, _, rest = reference.partition(":")
    secret = _from_environment(rest) if scheme == "env" else _from_file(base / rest)
    weakness = _weakness(secret, username)
    if weakness is not None:
        raise SecretError(
            SecretFault.WEAK,
            f"the secret behind {reference} is {weakness}",
            f"use a random one of at least {_SHORTEST} characters",
        )
    return secret


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(
            SecretFault.MISSING, f"the environment has no {name}", f"set {name} before starting"
        )
    return value


def _from_file(path: Path) -> str:
    check_private(path)
    with path.open("rb") as file:
        raw = file.read(SECRET_AT_MOST_BYTES + 1)
    if len(raw) > SECRET_AT_MOST_BYTES:
        raise SecretError(SecretFault.WEAK, f"{path} is no secret", "it holds one line")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(
            SecretFault.WEAK, f"{path} is no text", "it holds one line of UTF-8"
        ) from None


def check_private(path: Path) -> None:
    """Refuse a secret's file that is not there or that others on this machine can read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SecretError(
            SecretFault.MISSING,
            f"{path} cannot be read ({error.strerror})",
            "put the secret there, readable by its owner only",
        ) from None
    if not stat.S_ISREG(mode):
        raise SecretError(SecretFault.MISSING, f"{path} is no file", "point to a file")
    if mode & stat.S_IROTH:
        raise SecretError(
            SecretFault.EXPOSED, f"{path} can be read by everybody", f"chmod 600 {path}"
        )


def _weakness(secret: str, username: str | None) -> str | None:
    if not secret.strip():
        return "empty"
    if secret.casefold() in _EVERYBODY_TRIES:
        return "one that everybody tries"
    if username and secret.casefold() == username.casefold():
        return "the user name itself"
    if len(secret) < _SHORTEST:
        return f"shorter than {_SHORTEST} characters"
    if len(set(secret)) < 4:
        return "made of too few different characters"
    return None
