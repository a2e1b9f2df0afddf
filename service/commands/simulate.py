"""`yinding simulate`: a site's devices without the devices; and pictures of crowds that never were."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from config.schema import SiteFile
from model.clock import SystemClock
from model.facts import DeviceKind
from service.children import until_stopped
from service.exits import WrongUseError
from service.past import fill
from service.simulate import SimulateOptions, simulate
from service.site import LoadedSite, open_site
from service.videos import videos_in
from simulators.rtsp.faults import FaultDesk
from simulators.scenario import Scenario, ScenarioError, load_scenario
from simulators.scenes.dataset import write_scenes

SCENES = "scenes"


def simulate_command(
    what: Annotated[
        str, typer.Argument(metavar="SITE.yaml|scenes", help="The site file, or the word `scenes`.")
    ],
    *,
    scenario: Annotated[
        str | None, typer.Option(help="A shipped scenario (evening) or a scenario file.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this kind: camera, counter, sensor, terminal, bollard. Repeatable."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.")] = 0,
    seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="S", min=1, help="Play the scenario in S seconds."),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=1,
            help="Be done in S seconds, filming included: play faster where that took long, "
            "though not in under a minute.",
        ),
    ] = None,
    repeat: Annotated[bool, typer.Option("--repeat", help="Play it again and again.")] = False,
    videos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Video files for the cameras video-1, video-2, …"),
    ] = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write truth, field and air logs there.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With `scenes`: where to write.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="With `scenes`: how many pictures.")] = 100,
    drop_receipts: Annotated[
        bool, typer.Option("--drop-receipts", help="Fault: no device sends receipts.")
    ] = False,
    blank: Annotated[
        str | None, typer.Option(metavar="CAMERA", help="Fault: this camera is black.")
    ] = None,
    history: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=1,
            max=1100,
            help="Fill the site's empty store with a made-up past of so many days, and end.",
        ),
    ] = None,
    tied: Annotated[
        bool, typer.Option("--tied", help="End when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Simulate a site's cameras, counters, sensors, terminals and bollards over real sockets.

    They speak the real protocols to the broker that the site file names; terminals and bollards
    check every signature themselves. A line on standard input breaks cameras while it runs: `CAMERA
    FAULT` or `all FAULT` with drop, stall, black, frozen, moved, garbage, slow, lossy or none (mended),
    and `reboot SECONDS` for all of them. `yinding simulate scenes --out DIR` writes rendered pictures
    with `heads.csv` instead. `--history DAYS` fills the site's store with a past
    of seasons, feasts, rain, outages and warnings, for forecasts and reports; it needs no broker
    and no keys.
    """
    if what == SCENES:
        _scenes(out, count=count, seed=seed)
        return
    if history is not None:
        _fill(open_site(Path(what), secrets_needed=False), days=history, seed=seed)
        return
    loaded = open_site(Path(what))
    options = SimulateOptions(
        scenario=None if scenario is None else _scenario(scenario, loaded.site),
        only=_kinds(only),
        seed=seed,
        length_s=seconds,
        within_s=within,
        repeat=repeat,
        logs=logs,
        videos=tuple(videos_in(videos)),
        drop_receipts=drop_receipts,
        blank=blank,
    )
    desk = FaultDesk()
    work = simulate(loaded, options, clock=SystemClock(), desk=desk)
    asyncio.run(until_stopped(work, tied=tied, on_line=desk.say))


def _fill(loaded: LoadedSite, *, days: int, seed: int) -> None:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("filling the store", total=days + 1)
        filled = fill(
            loaded,
            days=days,
            seed=seed,
            clock=SystemClock(),
            watch=lambda _: progress.advance(task),
        )
    typer.echo(
        f"{filled.days} days in {loaded.data_folder}: {filled.readings} readings,"
        f" {filled.cases} cases, {filled.orders} orders, {filled.receipts} receipts",
        err=True,
    )


def _scenes(out: Path | None, *, count: int, seed: int) -> None:
    if out is None:
        raise WrongUseError("simulate scenes: say where to write with --out DIR")
    heads = write_scenes(out, count=count, seed=seed)
    typer.echo(f"{count} pictures with {heads} heads in {out}", err=True)


def _scenario(name: str, site: SiteFile) -> Scenario:
    try:
        found = load_scenario(name)
    except ScenarioError as error:
        raise WrongUseError(str(error)) from error
    strangers = found.strangers(site)
    if strangers:
        raise WrongUseError(f"scenario {name}: not in this site: {'; '.join(strangers)}")
    return found


def _kinds(names: list[str] | None) -> frozenset[DeviceKind] | None:
    if not names:
        return None
    try:
        return frozenset(DeviceKind(name) for name in names)
    except ValueError:
        kinds = ", ".join(kind.value for kind in DeviceKind)
        raise WrongUseError(f"--only: one of {kinds}") from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate_command)
