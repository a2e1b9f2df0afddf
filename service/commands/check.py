"""`yinding check`: a site file checked whole, with every fault named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from config.findings import Finding, SiteFileError
from config.json_schema import site_file_schema_text
from config.schema import SiteFile
from config.site_file import inspect_site
from crowd.ground_survey import GroundSurvey, ZoneCovered, survey_grounds
from service.commands.check_ground import tell_grounds
from service.corrections import corrections_of
from service.exits import WrongUseError

BAD_CONFIGURATION = 2


def check(
    site_path: Annotated[
        Path | None, typer.Argument(metavar="SITE.yaml", help="The site file.")
    ] = None,
    *,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Secrets that are not on this machine are faults.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of site files and end.")
    ] = False,
    ground: Annotated[
        bool, typer.Option("--ground", help="Tell every camera's calibration and what it sees.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> int:
    """Check a site file whole. Each fault is told as `file:line: field: what, and what is right`.

    Exit code 0: `yinding serve` can start with it. 2: it is refused. Secrets that this machine
    does not have are only mentioned, so that a site can be planned at any desk; with --secrets,
    as when the service starts, they are faults too.

    A ground or a correction that cannot be used stops nothing, for its camera still counts; it is told too. With
    --ground every camera's calibration is told: how far its marks are beside their fit, how the camera
    hangs by them, and how much it sees of its zones.
    """
    if schema:
        typer.echo(site_file_schema_text(), nl=False)
        return 0
    if site_path is None:
        raise WrongUseError("name a site file: yinding check SITE.yaml")
    site, faults, missing = _inspect(site_path)
    if secrets:
        faults, missing = [*faults, *missing], []
    grounds, covered = ([], []) if site is None else survey_grounds(site)
    uncorrected = {} if site is None else corrections_of(site, site_path.parent)[1]
    if as_json:
        typer.echo(
            _document(
                site_path,
                site,
                faults,
                missing,
                grounds=grounds,
                covered=covered,
                uncorrected=uncorrected,
            )
        )
    else:
        _tell(site_path, site, faults, missing)
        if site is not None and not faults:
            tell_grounds(grounds, covered, every=ground)
            for camera, fault in uncorrected.items():
                typer.echo(f"cameras {camera}: {fault}")
    return BAD_CONFIGURATION if faults else 0


def _inspect(path: Path) -> tuple[SiteFile | None, list[Finding], list[Finding]]:
    try:
        site, missing = inspect_site(path)
    except SiteFileError as error:
        return None, error.findings, []
    return site, [], missing


def _tell(path: Path, site: SiteFile | None, faults: list[Finding], missing: list[Finding]) -> None:
    for fault in faults:
        typer.echo(str(fault))
    for finding in missing:
        typer.echo(f"not on this machine: {finding}", err=True)
    if site is not None and not faults:
        told = ", ".join(f"{number} {name}" for name, number in _numbers(site).items() if number)
        typer.echo(f"{path}: good: {told}")


def _document(
    path: Path,
    site: SiteFile | None,
    faults: list[Finding],
    missing: list[Finding],
    *,
    grounds: list[GroundSurvey],
    covered: list[ZoneCovered],
    uncorrected: dict[str, str],
) -> str:
    return json.dumps(
        {
            "file": str(path),
            "good": not faults,
            "findings": msgspec.to_builtins(faults),
            "secrets_missing": msgspec.to_builtins(missing),
            "grounds": msgspec.to_builtins(grounds),
            "zones_seen": msgspec.to_builtins(covered),
            "uncorrected": uncorrected,
            "site": None if site is None else {"id": site.site.id} | _numbers(site),
        },
        ensure_ascii=False,
    )


def _numbers(site: SiteFile) -> dict[str, int]:
    return {
        "zones": len(site.zones),
        "cameras": len(site.cameras),
        "counters": len(site.counters),
        "sensors": len(site.sensors),
        "terminals": len(site.terminals),
        "bollards": len(site.bollards),
        "rules": len(site.rules),
        "plans": len(site.plans),
        "people": len(site.people),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)
