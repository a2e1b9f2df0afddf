"""The demo's run: a folder with a site file, `serve` and `simulate` on it, and the verdict."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

import msgspec
import typer

from model.clock import SystemClock
from service.exits import BadResultError, OutsideError
from service.meeting_point import wait_for
from service.plants import Plant
from service.secrets_folder import make_missing
from service.site import LoadedSite, open_site
from service.standby import records_address
from service.videos import videos_in
from simulators.judge import Evidence, Verdict, judge
from simulators.logbook import AirEntry, FieldEntry, TruthEntry, read
from store.embedded import Store
from store.people import Accounts

log = logging.getLogger(__name__)

EVENING_S = 240.0
HEADLESS_S = 90.0
READY_WITHIN_S = 60.0
SETTLE_S = 2.0
GOODBYE_S = 15.0
DONE_WITHIN_S = 22.0
"""How much longer than its evening a judged demo may take: filming, starting, stopping, judging."""
STOPPING_S = 8.0
PERSON = "operator"


class Break(StrEnum):
    """What to break on purpose."""

    OUTBOX = "outbox"
    RECEIPTS = "receipts"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How to run the demo; see the command's help."""

    folder: Path
    seconds: float | None
    videos: Path | None
    headless: bool
    as_json: bool
    breaking: Break | None

    @property
    def once(self) -> bool:
        """Whether one evening is enough, and is judged."""
        return self.headless or self.seconds is not None

    @property
    def length_s(self) -> float:
        return self.seconds or (HEADLESS_S if self.headless else EVENING_S)


def run_demo(options: DemoOptions) -> None:
    """Run it; raises BadResultError where the evening went badly."""
    began_s = time.monotonic()
    site = _site_in(options.folder, videos_in(options.videos))
    password = _one_time_password(site)
    with _child("serve", _serve_arguments(options, site)) as serve:
        point = wait_for(site.data_folder, within_s=READY_WITHIN_S)
        if not options.headless:
            _welcome(point.console, password)
        left_s = options.length_s + DONE_WITHIN_S - STOPPING_S - (time.monotonic() - began_s)
        with _child("simulate", _simulate_arguments(options, site, left_s=left_s)) as simulate:
            _wait(simulate, serve)
        time.sleep(SETTLE_S)
    if options.once:
        _report(site, options)


def _site_in(folder: Path, videos: Sequence[Path]) -> LoadedSite:
    """The shipped small site in a folder, with ports that are free now and the videos' cameras."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = (resources.files("config") / "sites" / "shichahai-small.yaml").read_text("utf-8")
    rtsp_port = _free_port(8554)
    text = text.replace("127.0.0.1:8554", f"127.0.0.1:{rtsp_port}")
    text = text.replace("port: 8460", f"port: {_free_port(8460)}")
    cameras = "".join(
        f"  - id: video-{number}\n"
        f"    name: {{zh: 视频 {number}, en: Video {number}}}\n"
        f"    url: rtsp://127.0.0.1:{rtsp_port}/video-{number}\n"
        "    username: yinding\n"
        "    password: file:secrets/cameras.txt\n"
        for number in range(1, len(videos) + 1)
    )
    text = text.replace("\ncameras:\n", f"\ncameras:\n{cameras}", 1)
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    site = open_site(path, secrets_needed=False)
    make_missing(site.site, site.folder)
    return open_site(path)


def _free_port(wanted: int) -> int:
    """The wanted port where nobody listens on it, any free one otherwise."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free: int = probe.getsockname()[1]
            return free
    raise OutsideError("no free port on this machine")


def _one_time_password(site: LoadedSite) -> str:
    accounts = Accounts.open(site.data_folder, SystemClock(), there=records_address(site))
    try:
        return accounts.create_one_time_password(PERSON)
    finally:
        accounts.close()


def _serve_arguments(options: DemoOptions, site: LoadedSite) -> list[str]:
    arguments = [str(site.path), "--workers", "1"]
    if options.breaking is Break.OUTBOX:
        arguments += ["--plant", Plant.OUTBOX_STOPPED.value]
    return arguments


def _simulate_arguments(options: DemoOptions, site: LoadedSite, *, left_s: float) -> list[str]:
    arguments = [str(site.path), "--scenario", "evening", "--for", str(options.length_s)]
    arguments += ["--logs", str(site.folder / "logs")]
    if options.once:
        arguments += ["--within", f"{max(left_s, 1.0):.1f}"]
    else:
        arguments.append("--repeat")
    if options.videos is not None:
        arguments += ["--videos", str(options.videos)]
    if options.breaking is Break.RECEIPTS:
        arguments.append("--drop-receipts")
    if options.breaking is Break.CAMERA:
        arguments += ["--blank", site.site.cameras[-1].id]
    return arguments


@contextmanager
def _child(command: str, arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A `yinding` command as our child; it ends with us, however we end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "service.cli", command, *arguments, "--tied"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            log.error("`%s` did not stop within %.0f s", command, GOODBYE_S)
            child.kill()
            child.wait()


def _wait(simulate: subprocess.Popen[bytes], serve: subprocess.Popen[bytes]) -> None:
    """Until the evening is over, or a part of the demo fell over."""
    while simulate.poll() is None:
        if serve.poll() is not None:
            raise OutsideError(f"`serve` ended with code {serve.returncode}")
        time.sleep(0.2)
    if simulate.returncode != 0:
        raise OutsideError(f"`simulate` ended with code {simulate.returncode}")


def _welcome(address: str, password: str) -> None:
    typer.echo(
        f"\n  {address}\n\n"
        f"  Sign in as  {PERSON}\n  password    {password}   (once; then choose your own)\n\n"
        "  The evening begins when the first pictures are rendered. Ctrl-C ends it.\n",
        err=True,
    )


def _report(site: LoadedSite, options: DemoOptions) -> None:
    logs = site.folder / "logs"
    with Store.open(site.data_folder) as store:
        readings = store.counts()["readings"]
    verdict = judge(
        site.site,
        Evidence(
            truth=list(read(logs / "truth.jsonl", TruthEntry)),
            field=list(read(logs / "field.jsonl", FieldEntry)),
            air=list(read(logs / "air.jsonl", AirEntry)),
        ),
        readings_stored=readings,
    )
    typer.echo(_as_json(verdict) if options.as_json else _as_text(verdict))
    if verdict.bad:
        raise BadResultError("the evening went badly:\n  " + "\n  ".join(verdict.bad))


def _as_json(verdict: Verdict) -> str:
    return json.dumps(msgspec.to_builtins(verdict), ensure_ascii=False)


def _as_text(verdict: Verdict) -> str:
    lines = [
        f"cameras    {verdict.cameras['analysed']} of {verdict.cameras['configured']} analysed, "
        f"{verdict.cameras['frames']} pictures",
        f"readings   {verdict.readings_stored} stored",
        "people     "
        + (
            "no truth to compare with"
            if verdict.count_error is None
            else f"counted {verdict.count_error:.0%} off the truth"
        ),
        f"terminals  {_counted(verdict.terminals)}",
        f"bollards   {_counted(verdict.bollards)}",
        f"signatures {_counted(verdict.signatures)}",
        "crossings  (seconds until the first terminal spoke)",
    ]
    lines += [
        f"  {each.zone:10} {each.hazard:10} {each.level.value:7} "
        f"{'missed' if each.first_terminal_s is None else each.first_terminal_s}"
        for each in verdict.crossings
    ]
    lines.append(
        f"missed {verdict.missed}, doubled {verdict.doubled}, silent {len(verdict.silent)}"
    )
    return "\n".join(lines)


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in numbers.items())
