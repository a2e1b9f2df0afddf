"""The `yinding` command line: every command of the contract, one module each."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from typing import Annotated, Protocol

# Before NumPy loads: its matrices here are small, and threads that wait for each other cost more
# than they bring on a machine that also counts people.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


import typer
from typer._click.exceptions import ClickException  # typer carries a click of its own

from service.exits import INTERRUPTED, CommandError

COMMANDS = (
    "demo",
    "serve",
    "check",
    "keys",
    "simulate",
    "broker",
    "gateway",
    "worker",
    "probe",
    "estimate",
    "evaluate",
    "report",
    "export",
    "train",
    "conform",
    "store",
    "torture",
    "audit",
    "rules",
    "trial",
    "kill_test",
)
BENCHES = (
    "bench_broadcast",
    "bench_cameras",
    "bench_console",
    "bench_estimator",
    "bench_ingest",
    "bench_motion",
    "bench_store",
    "bench_warning",
)


class CommandModule(Protocol):
    """What a module under `service.commands` offers."""

    def register(self, app: typer.Typer) -> None:
        """Add this module's command to `app`."""


app = typer.Typer(
    name="yinding",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Watches crowds in open scenic areas and warns people before a crowd becomes a crush.\n\n"
        "Begin with `yinding demo`. With `--json` a command prints one JSON document (or JSON lines)"
        " on standard output and nothing else; logs go to standard error.\n\n"
        "Exit codes: 0 success, 1 the result is bad, 2 wrong use or configuration, 3 something"
        " outside failed, 130 interrupted."
    ),
)
bench = typer.Typer(no_args_is_help=True, help="Measure this machine against peers, in one run.")


@app.callback()
def _options(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")] = False,
) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _load() -> None:
    for name in COMMANDS:
        _module(name).register(app)
    for name in BENCHES:
        _module(name).register(bench)
    app.add_typer(bench, name="bench")


def _module(name: str) -> CommandModule:
    module: CommandModule = import_module(f"service.commands.{name}")
    return module


def main() -> None:
    """Run one command and end with the contract's exit code."""
    _load()
    try:
        code = app(standalone_mode=False)
    except CommandError as error:
        print(f"yinding: {error}", file=sys.stderr)
        sys.exit(error.code)
    except ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
