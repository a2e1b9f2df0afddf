"""Reports that were written: which there are, and each as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from console.context import context_of
from console.problems import Code, ProblemError

router = APIRouter(prefix="/api/v1", tags=["reports"])

NAME: Final = re.compile(r"(daily|weekly|monthly)-\d{4}-\d{2}-\d{2}\.(json|(zh|en)\.(html|pdf))")
_MEDIA: Final = {"json": "application/json", "html": "text/html", "pdf": "application/pdf"}


class WrittenReport(BaseModel):
    """One report: its period, its first day, and its files."""

    period: str
    first: str
    files: list[str]


class WrittenReports(BaseModel):
    """All reports, the newest first."""

    reports: list[WrittenReport]


@router.get("/reports")
async def reports(request: Request) -> WrittenReports:
    """Reports that can be fetched."""
    folder = context_of(request.app).reports_folder
    names = [] if folder is None else await to_thread.run_sync(_names, folder)
    found: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names):
        period, _, rest = name.partition("-")
        found.setdefault((rest.partition(".")[0], period), []).append(name)
    return WrittenReports(
        reports=[
            WrittenReport(period=period, first=first, files=files)
            for (first, period), files in sorted(found.items(), reverse=True)
        ]
    )


@router.get("/reports/{name}")
async def report(name: str, request: Request) -> Response:
    """One file of a report, to look at or to keep."""
    folder = context_of(request.app).reports_folder
    if folder is None or not NAME.fullmatch(name) or not (folder / name).is_file():
        raise ProblemError(Code.NOT_FOUND)
    return FileResponse(folder / name, media_type=_MEDIA[name.rpartition(".")[2]])


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if NAME.fullmatch(path.name)]
