"""Keys of orders on disk: the service's private key, and the public keys that devices hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from wire.signing import decode_base64url, encode_base64url
from wire.topics import checked_id


class KeyFileError(Exception):
    """A key file is missing, unreadable, open to others, or not an Ed25519 key; says which."""


def generate_key_file(path: Path) -> Ed25519PrivateKey:
    """Make a new signing key in a new file that only its owner can read (mode 0600, PKCS 8 PEM).

    An existing file is never overwritten: FileExistsError.
    """
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return private


def load_key_file(path: Path) -> Ed25519PrivateKey:
    """The signing key in a file; KeyFileError where it is open to others or no Ed25519 key."""
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others may read it; make it mode 0600")
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: not a private key in PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key")
    return private


def public_key_text(public: Ed25519PublicKey) -> str:
    """A public key as devices are given it: its 32 bytes in base64url without padding."""
    return encode_base64url(public.public_bytes_raw())


def parse_public_key(text: str) -> Ed25519PublicKey:
    """The public key of `public_key_text`; ValueError for anything else."""
    return Ed25519PublicKey.from_public_bytes(decode_base64url(text))


def write_public_keys(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> None:
    """Write the keys that a device holds: a JSON object of key id to public key text."""
    members = {checked_id(key_id): public_key_text(public) for key_id, public in keys.items()}
    path.write_bytes(msgspec.json.encode(members) + b"\n")


def read_public_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """The keys of `write_public_keys`; KeyFileError says what is wrong with the file."""
    try:
        members = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        return {checked_id(key_id): parse_public_key(text) for key_id, text in members.items()}
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error
