"""History moves to a time-series server and back: whole, counted, gone on with, never doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from model.clock import ManualClock
from model.facts import CounterReading, DensityLive, DeviceKind, Fact
from model.level import Sight
from model.zones import ZoneView
from service.commands.store import migrate
from service.exits import OutsideError, WrongUseError
from service.moving import Say, move
from service.secrets_folder import make_missing
from service.site import LoadedSite, open_site
from store.embedded import Store, StoreReader
from store.history import Curve
from store.moving import Moved, MovedLessError, move_day, wait_until_there
from tests.end_to_end.house import SITE
from tests.store.influx_endpoint import influx_endpoint
from tests.store.servers import PROGRAM, VictoriaMetrics, victoria_metrics
from tests.store.test_series import tidied
from tests.store.words import at, blind, fact, live, noise


def test_all_readings_of_a_span_are_sent_packed_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with influx_endpoint() as endpoint:
        path = tmp_path / "site.yaml"
        server = f"\nstore:\n  readings: {{kind: influxdb, url: '{endpoint.url}'}}\n"
        path.write_text(SITE.format(port=1883, cameras="[]") + server, encoding="utf-8")
        loaded = open_site(path, secrets_needed=False)
        make_missing(loaded.site, loaded.folder)
        with Store.open(loaded.data_folder, full_sync=False) as store:
            with store.transaction() as tx:
                tx.add_facts([live("c1", s, s) for s in range(0, 90_000, 500)])
            tidied(store, 90_000)
            with store.transaction() as tx:
                tx.add_facts([noise("n1", s, s) for s in range(0, 90_000, 1000)])
        migrate(path, since=datetime(2026, 2, 17), until=datetime(2026, 2, 20), as_json=True)  # noqa: DTZ001 - a day as typed
        told = json.loads(capsys.readouterr().out)
        assert told == {"sources": 2, "readings": 180 + 90, "counted": False}
        stamps = {line.rsplit(" ", 1)[1] for line in endpoint.lines if ",id=c1 " in line}
        assert stamps == {str(int(at(s).timestamp() * 1000)) for s in range(0, 90_000, 500)}
        endpoint.answer = 503
        with pytest.raises(OutsideError, match="503"):
            migrate(path, since=datetime(2026, 2, 17), until=datetime(2026, 2, 20))  # noqa: DTZ001
        with pytest.raises(WrongUseError, match="only written to"):
            migrate(path, back=True)


def test_a_site_without_a_server_is_told_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(port=1883, cameras="[]"), encoding="utf-8")
    loaded = open_site(path, secrets_needed=False)
    make_missing(loaded.site, loaded.folder)
    with pytest.raises(WrongUseError, match=r"store\.readings"):
        migrate(path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    if PROGRAM is None:
        pytest.skip("victoria-metrics is not installed; `make setup-test` installs it")
    with victoria_metrics(tmp_path_factory.mktemp("victoria")) as running:
        yield running


NOW = at(4 * 86_400)
END = at(3 * 86_400)


def a_site(folder: Path, url: str) -> LoadedSite:
    folder.mkdir()
    path = folder / "site.yaml"
    named = f"\nstore:\n  readings: {{kind: victoriametrics, url: '{url}'}}\n"
    path.write_text(SITE.format(port=1883, cameras="[]") + named, encoding="utf-8")
    return open_site(path, secrets_needed=False)


def _silent(_day: datetime, _count: int) -> None:
    """Nobody follows."""


def moved(
    loaded: LoadedSite, *, back: bool = False, since: datetime | None = None, say: Say = _silent
) -> Moved:
    return move(loaded, ManualClock(NOW), back=back, since=since, until=END, say=say)


def passages(s: float, entered: int) -> Fact:
    body = CounterReading(at=at(s), boot="b1", seq=int(s), in_total=entered, out_total=0)
    return fact(DeviceKind.COUNTER, "gate", body)


def three_days(store: Store) -> int:
    """Readings of every kind over three days; how many."""
    steps = range(0, 3 * 86_400, 3600)
    facts: list[Fact] = []
    for n, s in enumerate(steps):
        facts += [live("c1", s, n / 8), noise("n1", s, 40 + n % 7), passages(s, 5 * n)]
    facts.append(blind("c1", 1800))
    views = [
        ZoneView(zone="bridge", at=at(s), sight=Sight.PARTIAL, capacity=400, occupancy=n)
        for n, s in enumerate(steps)
    ] + [ZoneView(zone="bridge", at=at(1800), sight=Sight.BLIND, capacity=400)]
    with store.transaction() as tx:
        tx.add_facts(facts)
        tx.add_zone_views(views)
    return len(facts) + len(views)


def told_of(store: StoreReader) -> dict[str, list[tuple[datetime, float]]]:
    """Every quantity that a server keeps, as the store tells it.

    Rounded: a server keeps decimals, and 0.3 comes back where 0.30000000000000004 went.
    """
    asked = [
        *(("camera", "c1", name) for name in ("count", "count_low", "count_high", "blind")),
        *(("zone", "bridge", name) for name in ("occupancy", "blind", "partial")),
        *(("counter", "gate", name) for name in ("in_total", "out_total")),
        ("sensor", "n1", "noise"),
    ]
    return {
        f"{kind} {name}": [
            (point.at, round(point.mean, 9))
            for point in store.series(kind, source, name, at(0), END)
        ]
        for kind, source, name in asked
    }


def test_history_that_goes_to_a_server_and_back_tells_the_same(
    tmp_path: Path, server: VictoriaMetrics
) -> None:
    here = a_site(tmp_path / "here", server.url)
    with Store.open(here.data_folder, full_sync=False) as store:
        readings = three_days(store)
        before = told_of(store)
    assert moved(here, since=at(0)) == Moved(sources=4, readings=readings, counted=True)
    there = a_site(tmp_path / "there", server.url)
    assert moved(there, back=True, since=at(0)) == Moved(sources=4, readings=readings, counted=True)
    with StoreReader.look(there.data_folder) as store:
        assert told_of(store) == before
        (newest,) = store.latest("camera")
        assert isinstance(newest.body, DensityLive)
        assert newest.body.model == "not-kept"
    again = moved(there, back=True, since=at(0))
    assert again.readings == 0, "what the store has is not taken in twice"
    assert moved(here, back=True, since=at(0)).readings == 0


def test_a_move_that_was_interrupted_goes_on_with_the_day_it_had_come_to(
    tmp_path: Path, server: VictoriaMetrics
) -> None:
    loaded = a_site(tmp_path / "cut", server.url)
    with Store.open(loaded.data_folder, full_sync=False) as store:
        three_days(store)

    def pulls_the_plug(day: datetime, count: int) -> None:
        if day >= at(86_400) and count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moved(loaded, say=pulls_the_plug)
    days: list[datetime] = []
    rest = moved(loaded, say=lambda day, _: days.append(day))
    assert at(0) < days[0] < END
    assert 0 < rest.readings < 3 * 4 * 24, "what was counted there is not sent again"


def test_what_a_server_does_not_take_is_no_moved_history(tmp_path: Path) -> None:
    """An endpoint that accepts every line and keeps none, asked as a VictoriaMetrics."""
    loaded = a_site(tmp_path / "lost", "http://127.0.0.1:1")
    with Store.open(loaded.data_folder, full_sync=False) as store:
        three_days(store)
    clock = ManualClock(NOW)
    with (
        StoreReader.look(loaded.data_folder) as store,
        pytest.raises(MovedLessError, match="camera c1 blind: the server has 0 of 25"),
    ):
        *_, counts = move_day(store, Forgetful(), site="s", start=at(0), end=at(86_400))
        wait_until_there(
            Forgetful(),
            counts,
            start=at(0),
            end=at(86_400),
            monotonic=clock.monotonic,
            wait=clock.advance,
        )


class Forgetful:
    """Takes everything and has nothing."""

    def write(self, lines: list[str]) -> None:
        assert lines

    def curves(self, *_: object, step_s: float | None = None) -> dict[str, Curve]:
        assert step_s
        return {}
