"""The secrets that a site file points to: made once, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from config.schema import SiteFile
from wire.keys import generate_key_file, load_key_file, write_public_keys

NEXT_SUFFIX = ".next"
PUBLIC_SUFFIX = ".public.json"


def signing_key_path(site: SiteFile, base: Path) -> Path:
    """The key that signs orders; relative paths start at the site file's folder."""
    return base / site.keys.signing_key_file


def public_keys_path(site: SiteFile, base: Path) -> Path:
    """The public keys to install on devices, beside the signing key."""
    key = signing_key_path(site, base)
    return key.with_name(key.name + PUBLIC_SUFFIX)


def next_key_id(site: SiteFile) -> str:
    """The name of the key that devices hold already for the next rotation."""
    return f"{site.keys.key_id}-next"


def make_missing(site: SiteFile, base: Path) -> list[Path]:
    """Make the keys and password files that the site names and that do not exist yet.

    Devices are given two public keys, so that the signing key can be changed without visiting
    them. Existing files stay as they are. Returns what was made.
    """
    made = [path for path in _password_files(site, base) if _make_password(path)]
    key_path = signing_key_path(site, base)
    next_path = key_path.with_name(key_path.name + NEXT_SUFFIX)
    for path in (key_path, next_path):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            generate_key_file(path)
            made.append(path)
    public = public_keys_path(site, base)
    if not public.exists() or key_path in made or next_path in made:
        write_public_keys(
            public,
            {
                site.keys.key_id: load_key_file(key_path).public_key(),
                next_key_id(site): load_key_file(next_path).public_key(),
            },
        )
        made.append(public)
    return made


def _password_files(site: SiteFile, base: Path) -> Iterable[Path]:
    references = {camera.password for camera in site.cameras} | {site.broker.password}
    for reference in sorted(each for each in references if each is not None):
        if reference.startswith("file:"):
            yield base / reference.removeprefix("file:")


def _make_password(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(24) + "\n")
    return True
