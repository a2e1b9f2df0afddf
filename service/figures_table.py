"""An evaluation's figures as a table on the terminal."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from crowd.evaluation import StillsReport


def show_figures(found: StillsReport) -> None:
    """Print them to standard output; what these pictures cannot tell is a dash."""
    pictures = "1 picture" if found.images == 1 else f"{found.images} pictures"
    table = Table("figure", "value", title=f"{pictures}, {found.model}", title_justify="left")
    for name, value in msgspec.to_builtins(found).items():
        if name not in {"images", "model"}:
            table.add_row(name, _told(value))
    Console().print(table)


def _told(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
