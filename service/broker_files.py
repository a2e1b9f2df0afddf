"""A Mosquitto for one site, made from its site file: who may come in, who may say and hear what.

One identity per device, each with its own random password, TLS, nothing anonymous. The folder holds
everything to copy to the broker; each password lies in its own file, to be put on its device.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from config.schema import SiteFile
from service.exits import OutsideError
from wire.access import OBSERVER, SERVICE, WORKER, device_name, mosquitto_access
from wire.codec import known_devices

LIMITS = Path(__file__).parents[1] / "deploy" / "mosquitto" / "limits.conf"
PASSWORDS = "passwords"

CONFIGURATION = """# A Mosquitto broker for {site}: TLS, a name and password per device, access by identity.
# Made from the site file by `yinding broker`; make it again when devices change.
per_listener_settings false
allow_anonymous false
password_file {folder}/passwords.txt
acl_file {folder}/access.acl

listener {port}
certfile {folder}/certs/server.crt
keyfile {folder}/certs/server.key
tls_version tlsv1.2

persistence true
persistence_location /var/lib/mosquitto/
autosave_interval 60

{limits}"""


def identities(site: SiteFile) -> list[str]:
    """Everyone who may come in: the service, workers, listeners, and each device by name."""
    devices = known_devices(site)
    return [
        SERVICE,
        WORKER,
        OBSERVER,
        *(
            device_name(kind.value, device)
            for kind, ids in devices.items()
            for device in sorted(ids)
        ),
    ]


def write_broker_files(site: SiteFile, folder: Path, *, installed_at: str, port: int) -> list[Path]:
    """Write configuration, access list and passwords; what exists of passwords is kept.

    Raises OutsideError where `mosquitto_passwd` is missing, which hashes the passwords.
    """
    hasher = shutil.which("mosquitto_passwd")
    if hasher is None:
        raise OutsideError("mosquitto_passwd is not installed: apt-get install mosquitto")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "mosquitto.conf"
    limits = LIMITS.read_text("utf-8")
    configuration.write_text(
        CONFIGURATION.format(site=site.site.id, folder=installed_at, port=port, limits=limits),
        "utf-8",
    )
    access = folder / "access.acl"
    access.write_text(mosquitto_access(site), "utf-8")
    table = folder / "passwords.txt"
    lines = [f"{name}:{_password(folder / PASSWORDS, name)}\n" for name in identities(site)]
    _write_private(table, "".join(lines))
    subprocess.run([hasher, "-U", str(table)], check=True, capture_output=True, timeout=600)
    return [configuration, access, table]


def _password(folder: Path, name: str) -> str:
    """An identity's password: made once, readable by its owner alone."""
    path = folder / f"{name}.txt"
    if path.exists():
        return path.read_text("utf-8").strip()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    word = secrets.token_urlsafe(24)
    _write_private(path, word + "\n")
    return word


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
