"""`yinding audit`: whether the record of who did what is whole, its export, and a case replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from service.exits import BadResultError, OutsideError, WrongUseError
from service.looking import look_into
from service.site import open_site
from store.audit import AuditCheck, AuditLine, AuditRecord, walk
from store.embedded import StoreReader
from store.errors import StoreError
from store.timeline import replayed

PAGE = 1000

audit = typer.Typer(no_args_is_help=True, help="The append-only record of who did what.")

_line = msgspec.json.Decoder(AuditLine)
_record = msgspec.json.Decoder(AuditRecord)

SitePath = Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def _look(site_path: Path) -> StoreReader:
    loaded = open_site(site_path, secrets_needed=False)
    try:
        return look_into(loaded)
    except StoreError as error:
        raise OutsideError(str(error)) from error


def _exported(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """The links of an exported file, byte for byte as they were chained."""
    with path.open("rb") as lines:
        for number, text in enumerate(lines, start=1):
            try:
                line = _line.decode(text)
                record = bytes(line.record)
                yield _record.decode(record).serial, record, bytes.fromhex(line.hash)
            except (msgspec.DecodeError, ValueError) as error:
                raise BadResultError(
                    f"{path}:{number}: not a link of the audit: {error}"
                ) from error


@audit.command()
def verify(
    source: Annotated[
        Path, typer.Argument(metavar="SITE.yaml|FILE.jsonl", help="A site, or an exported file.")
    ],
    *,
    head: Annotated[
        str | None,
        typer.Option(help="A head noted before: the chain must lead over it, so none was cut off."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole chain. Exit code 1 where a record was changed, inserted, removed or cut off.

    Note the head that is printed somewhere else; given later with --head it proves that nothing was
    cut off since.
    """
    check = _checked(source, head)
    if as_json:
        typer.echo(json.dumps({"good": check.why is None, **msgspec.to_builtins(check)}))
    else:
        typer.echo(f"{check.records} records, head {check.head}")
    if check.why is not None:
        raise BadResultError(f"record {check.broken_at}: {check.why}")


def _checked(source: Path, head: str | None) -> AuditCheck:
    if not source.is_file():
        raise WrongUseError(f"{source}: there is no such file")
    if source.suffix == ".jsonl":
        return walk(_exported(source), head=head)
    with _look(source) as store:
        return store.audit_verify(head=head)


@audit.command()
def export(
    site_path: SitePath,
    *,
    out: Annotated[Path, typer.Option(help="Where to write: one link a line, as JSON.")],
) -> None:
    """Write the chain to a file that `yinding audit verify FILE.jsonl` checks by itself."""
    records = 0
    with _look(site_path) as store, out.open("wb") as file:
        while lines := store.audit(after=records, limit=PAGE):
            for line in lines:
                file.write(msgspec.json.encode(line) + b"\n")
            records += len(lines)
    typer.echo(f"{records} records to {out}", err=True)


@audit.command("case")
def replay_case(
    site_path: SitePath,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Replay a case as a timeline: its steps, its orders, and what devices answered."""
    with _look(site_path) as store:
        if store.case(case) is None:
            raise WrongUseError(f"there is no case {case}")
        entries = replayed(store, case)
    if as_json:
        typer.echo(msgspec.json.encode(entries).decode())
        return
    for each in entries:
        said = "" if each.text is None else f": {each.text.zh} / {each.text.en}"
        why = "" if each.reason is None else f" ({each.reason})"
        typer.echo(f"{each.at.isoformat()} {each.sort:7} {each.actor:16} {each.what}{why}{said}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")
