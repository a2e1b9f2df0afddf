"""Loading a site file: checked whole before anything starts, or refused with every fault named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from config import crosscheck
from config.credentials import SecretError, SecretFault, check_private, resolve_secret
from config.document import Document, read_document
from config.explaining import explain
from config.findings import FieldPath, Finding, SiteFileError
from config.schema import SiteFile


def load_site(path: Path, *, require_secrets: bool = False) -> SiteFile:
    """The site in a file, or `SiteFileError` with a finding per fault.

    A secret that is on this machine must be private and strong. One that is not here is refused
    only with `require_secrets`, so that a site can be planned on another machine than its own.
    """
    site, missing = inspect_site(path)
    if require_secrets and missing:
        raise SiteFileError(path, missing)
    return site


def inspect_site(path: Path) -> tuple[SiteFile, list[Finding]]:
    """The site in a file with the secrets that it needs and this machine does not have.

    Raises `SiteFileError` for every other fault.
    """
    document = read_document(path)
    site = _parse(document)
    secrets = list(_secret_findings(site, document))
    faults = [document.finding(*fault) for fault in crosscheck.faults(site)]
    faults += [finding for fault, finding in secrets if fault is not SecretFault.MISSING]
    if faults:
        raise SiteFileError(path, _in_order(faults))
    return site, _in_order(finding for _, finding in secrets)


def missing_secrets(path: Path) -> list[Finding]:
    """The secrets that the site needs and this machine does not have."""
    return inspect_site(path)[1]


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.line)


def _parse(document: Document) -> SiteFile:
    try:
        return SiteFile.model_validate(document.values)
    except ValidationError as error:
        raise SiteFileError(document.path, explain(error, document)) from None


def _secret_findings(site: SiteFile, document: Document) -> Iterator[tuple[SecretFault, Finding]]:
    """One finding per secret that cannot be used; one that many cameras share is told once."""
    base = document.path.parent
    told: set[tuple[str | None, str]] = set()
    for path, reference, username in _secrets(site):
        if (username, reference) in told:
            continue
        told.add((username, reference))
        try:
            resolve_secret(reference, base, username=username)
        except SecretError as error:
            yield error.fault, document.finding(path, error.what, error.right)
    try:
        check_private(base / site.keys.signing_key_file)
    except SecretError as error:
        path = ("keys", "signing_key_file")
        yield error.fault, document.finding(path, error.what, error.right)


def _secrets(site: SiteFile) -> Iterator[tuple[FieldPath, str, str | None]]:
    if site.broker.password is not None:
        yield ("broker", "password"), site.broker.password, site.broker.username
    readings, records = site.store.readings, site.store.records
    if readings is not None and readings.token is not None:
        yield ("store", "readings", "token"), readings.token, None
    if records is not None and records.password is not None:
        yield ("store", "records", "password"), records.password, records.username
    for n, target in enumerate(site.notify):
        yield ("notify", n, "url"), target.url, None
    for n, camera in enumerate(site.cameras):
        if camera.password is not None:
            yield ("cameras", n, "password"), camera.password, camera.username
