"""A site file opened for a command: the site, its folders, and the secrets it points to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.credentials import SecretError, resolve_secret
from config.findings import SiteFileError
from config.schema import Camera, SiteFile
from config.site_file import inspect_site
from ingest.rtsp.connection import Manner, Transport
from service.exits import WrongUseError
from wire.address import BrokerAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSite:
    """One site file, checked. Relative paths in it start at `folder`."""

    site: SiteFile
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def data_folder(self) -> Path:
        """Where this site's readings and records lie."""
        return self.folder / self.site.store.folder

    def secret(self, reference: str, *, username: str | None = None) -> str:
        """The secret behind a reference of the site file."""
        try:
            return resolve_secret(reference, self.folder, username=username)
        except SecretError as error:
            raise WrongUseError(f"{self.path}: {error}") from None

    def camera_url(self, camera: Camera) -> str:
        """The camera's address with its credentials, for the reader alone: never log it."""
        if camera.username is None:
            return camera.url
        password = "" if camera.password is None else self.secret(camera.password)
        scheme, _, rest = camera.url.partition("://")
        return f"{scheme}://{quote(camera.username, safe='')}:{quote(password, safe='')}@{rest}"

    def camera_manner(self, camera: Camera) -> Manner:
        """How the camera is to be asked."""
        pem = None if camera.certificates is None else self.folder / camera.certificates
        return Manner(transport=Transport(camera.transport), certificates=pem)

    def broker(self) -> BrokerAddress:
        """The address of a broker that is not embedded."""
        broker = self.site.broker
        password = (
            None
            if broker.password is None
            else self.secret(broker.password, username=broker.username)
        )
        return BrokerAddress(
            host=broker.host,
            port=broker.port,
            username=broker.username,
            password=password,
            tls=broker.tls,
            ca_file=None if broker.ca_file is None else str(self.folder / broker.ca_file),
        )


def open_site(path: Path, *, secrets_needed: bool = True) -> LoadedSite:
    """Load a site file, or end the command with every fault of it, named with its line."""
    try:
        site, missing = inspect_site(path)
    except SiteFileError as error:
        raise WrongUseError(str(error)) from None
    if missing and secrets_needed:
        lines = "\n".join(str(finding) for finding in missing)
        raise WrongUseError(f"{lines}\nyinding keys {path} makes the keys and passwords it names")
    return LoadedSite(site=site, path=path.resolve())
