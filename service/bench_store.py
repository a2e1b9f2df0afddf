"""What the readings of a whole site cost in each engine: writing, disk, questions, and a kill.

Every engine is given the same numbers: first seconds of the site, 400 readings each, one commit a
second as fast as they go; then, in a store with seven days of all cameras (a reading a minute) and
a day of one zone (a reading a second), the two questions of a console while a writer commits a
second's readings every second; then a process that writes is killed and what it had acknowledged is
looked for. VictoriaMetrics is measured as the service sends to it; what a kill makes it forget is
what the service's journal sends again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from service.bench_cameras import machine
from service.bench_house import file_system
from service.bench_victoria import VictoriaServer
from store.compared.engines import DuckDb, Embedded, Engine, SqliteRows, Victoria
from store.compared.load import seconds

Result = dict[str, Any]
Say = Callable[[str], None]

OURS: Final = "embedded"
PEERS: Final = ("sqlite-rows", "duckdb", "victoriametrics")
QUESTIONS: Final = 20
KILLED_AFTER: Final = (40, 47, 54, 61, 640)
"""Commits before each kill; before the last, the store has packed nothing away from its journal yet."""


def bench_store(
    *, engines: tuple[str, ...], minutes: float, folder: Path | None, say: Say
) -> Result:
    """Measure the engines one after the other; a peer that is not installed is named."""
    found: dict[str, Result] = {}
    left_out: list[str] = []
    with tempfile.TemporaryDirectory(prefix="yinding-bench-", dir=folder) as name:
        place = Path(name)
        for engine in engines:
            if (why := _not_installed(engine)) is not None:
                left_out.append(f"{engine}: {why}")
                continue
            say(f"{engine} …")
            found[engine] = _measure(engine, place / engine, count=round(minutes * 60), say=say)
        disk = file_system(place)
    ours = found.pop(OURS, {})
    return {
        "ours": ours,
        "peers": found,
        "floor": {},
        "ratio": {name: _ratios(ours, peer) for name, peer in found.items()} if ours else {},
        "not_measured": left_out,
        "machine": machine()
        | {"store_file_system": disk, "load_1_min": round(os.getloadavg()[0], 2)},
    }


def _not_installed(engine: str) -> str | None:
    if engine == "victoriametrics" and not VictoriaServer.is_installed():
        return "apt-get install victoria-metrics"
    return None


@contextmanager
def _opened(name: str, folder: Path) -> Iterator[Engine]:
    if name != "victoriametrics":
        engine = _open(name, folder)
        try:
            yield engine
        finally:
            engine.close()
        return
    server = VictoriaServer(folder)
    server.start()
    far = Victoria(server.url, server.flush)
    try:
        yield far
    finally:
        far.close()
        server.stop()


def _open(name: str, folder: Path) -> Engine:
    match name:
        case "sqlite-rows":
            return SqliteRows(folder)
        case "duckdb":
            return DuckDb(folder)
        case _:
            return Embedded(folder)


def _measure(name: str, folder: Path, *, count: int, say: Say) -> Result:
    found = _writing(name, folder / "writing", count)
    say(
        f"  commit p99 {found['commit_p99_ms']} ms, {found['mb_per_million_rows']} MB a million rows"
    )
    found |= _asking(name, folder / "asking")
    say(f"  zone's day {found['zone_24h_ms']} ms, hours of all {found['hours_7d_ms']} ms")
    found |= _killing(name, folder / "killing")
    say(f"  killed: {found['lost_rows']} rows lost, open again in {found['opens_s']} s")
    return found


def _writing(name: str, folder: Path, count: int) -> Result:
    times: list[float] = []
    rows = 0
    begun_cpu, begun = time.process_time(), time.monotonic()
    with _opened(name, folder) as engine:
        for second in seconds(count):
            started = time.perf_counter()
            engine.commit(second)
            times.append((time.perf_counter() - started) * 1000)
            rows += second.rows
        took_s = time.monotonic() - begun
        engine.settle()
        free = engine.free_bytes
    times.sort()
    return {
        "rows": rows,
        "simulated_s": count,
        "took_s": round(took_s, 1),
        "keeps_up": took_s < count,
        "rows_per_s": round(rows / took_s),
        "own_cpu_s": round(time.process_time() - begun_cpu, 1),
        "commit_p50_ms": round(_share(times, 0.5), 2),
        "commit_p99_ms": round(_share(times, 0.99), 2),
        "commit_max_ms": round(times[-1], 1),
        "mb_per_million_rows": round((_size(folder) - free) / rows, 2),
        "free_for_the_journal_mb": round(free / 1e6, 1),
    }


def _asking(name: str, folder: Path) -> Result:
    with _opened(name, folder) as engine:
        engine.fill()
        engine.settle()
        stop = threading.Event()
        writer = threading.Thread(target=_write_on, args=(engine, stop), name="writer")
        writer.start()
        try:
            day = [_timed(engine.zone_day) for _ in range(QUESTIONS)]
            hours = [_timed(engine.hours) for _ in range(QUESTIONS)]
        finally:
            stop.set()
            writer.join()
    return {
        "zone_24h_ms": round(_share(sorted(each[0] for each in day), 0.5), 1),
        "zone_24h_steps": day[-1][1],
        "hours_7d_ms": round(_share(sorted(each[0] for each in hours), 0.5), 1),
        "hours_7d_steps": hours[-1][1],
    }


def _write_on(engine: Engine, stop: threading.Event) -> None:
    """One second's readings every second, until told to stop."""
    for second in seconds(86_400):
        engine.commit(second)
        if stop.wait(1.0):
            return


def _timed(ask: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    steps = ask()
    return (time.perf_counter() - started) * 1000, steps


def _killing(name: str, folder: Path) -> Result:
    if name == "victoriametrics":
        return _kill_server(folder)
    lost, opens_s = 0, 0.0
    for number, commits in enumerate(KILLED_AFTER):
        acknowledged = _killed_writer(name, folder / str(number), commits)
        started = time.perf_counter()
        engine = _open(name, folder / str(number))
        opens_s = max(opens_s, time.perf_counter() - started)
        lost += max(0, acknowledged - engine.readings())
        engine.close()
    return {"kills": len(KILLED_AFTER), "lost_rows": lost, "opens_s": round(opens_s, 3)}


def _killed_writer(name: str, folder: Path, commits: int) -> int:
    """Kill a writing process after some commits; how many readings it had acknowledged."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(
        target=_write_and_tell, args=(name, folder, theirs), daemon=True
    )
    child.start()
    theirs.close()
    acknowledged = 0
    for _ in range(commits):
        acknowledged = ours.recv()
    os.kill(child.pid or 0, signal.SIGKILL)
    while ours.poll(5.0):
        try:
            acknowledged = ours.recv()
        except EOFError:
            break
    child.join()
    return acknowledged


def _write_and_tell(name: str, folder: Path, tell: Connection) -> None:
    engine, rows = _open(name, folder), 0
    for second in seconds(86_400):
        engine.commit(second)
        rows += second.rows
        tell.send(rows)


def _kill_server(folder: Path) -> Result:
    server = VictoriaServer(folder)
    server.start()
    engine = Victoria(server.url, server.flush)
    try:
        rows, end_s = 0, time.monotonic() + 12.0
        for second in seconds(86_400):
            if time.monotonic() > end_s:
                break
            engine.commit(second)
            rows += second.rows
        server.kill()
        started = time.perf_counter()
        server.start()
        opens_s = time.perf_counter() - started
        return {
            "kills": 1,
            "lost_rows": rows - engine.readings(),
            "opens_s": round(opens_s, 3),
        }
    finally:
        engine.close()
        server.stop()


def _ratios(ours: Result, peer: Result) -> Result:
    """The peer's cost divided by ours."""
    names = ("commit_p99_ms", "mb_per_million_rows", "zone_24h_ms", "hours_7d_ms")
    return {name: round(peer[name] / ours[name], 2) for name in names if ours[name]}


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
