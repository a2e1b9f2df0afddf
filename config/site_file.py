"""Loading a site file: checked whole before anything starts, or refused with every fault named."""

from __future__ import annotations

from collections.abc import Iterator
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
    site, document = _parse(path)
    findings = [document.finding(*fault) for fault in crosscheck.faults(site)]
    findings += [
        finding
        for fault, finding in _secret_findings(site, document)
        if require_secrets or fault is not SecretFault.MISSING
    ]
    if findings:
        raise SiteFileError(path, sorted(findings, key=lambda finding: finding.line))
    return site


def missing_secrets(path: Path) -> list[Finding]:
    """The secrets that the site needs and this machine does not have."""
    site, document = _parse(path)
    missing = [
        finding
        for fault, finding in _secret_findings(site, document)
        if fault is SecretFault.MISSING
    ]
    return sorted(missing, key=lambda finding: finding.line)


def _parse(path: Path) -> tuple[SiteFile, Document]:
    document = read_document(path)
    try:
        return SiteFile.model_validate(document.values), document
    except ValidationError as error:
        raise SiteFileError(path, explain(error, document)) from None


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
    for n, camera in enumerate(site.cameras):
        if camera.password is not None:
            yield ("cameras", n, "password"), camera.password, camera.username
