"""An evaluation's figures as a table on the terminal."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table

from crowd.evaluation import StillsReport


def show_figures(found: StillsReport) -> None:
    """Print them to standard output."""
    table = Table("figure", "value", title=f"{found.images} pictures, {found.model}")
    for name, value in msgspec.to_builtins(found).items():
        if name not in {"images", "model"}:
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console().print(table)
