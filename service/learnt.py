"""Which network each camera's own correction was learnt for, told to those who watch it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config.schema import SiteFile


class _Learnt(msgspec.Struct, frozen=True):
    """Of a correction's file no more than this: reading all of it would load the networks."""

    model: str


def learnt_for(site: SiteFile, folder: Path) -> dict[str, str]:
    """The network that each camera's `correction_file` was learnt for; files lie in `folder`.

    Files that cannot be read are not among them: no network is the reason that those do not apply.
    """
    found: dict[str, str] = {}
    for camera in site.cameras:
        if camera.correction_file is None:
            continue
        try:
            told = msgspec.json.decode((folder / camera.correction_file).read_bytes(), type=_Learnt)
        except (OSError, msgspec.DecodeError):
            continue
        found[camera.id] = told.model
    return found
