"""A standby takes over from a service that stands still; woken up, that one sends nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.site import LoadedSite, open_site
from store.postgres import PostgresAddress
from tests.end_to_end.house import SITE, Air, Service, make_site
from tests.mosquitto import running_mosquitto
from tests.store.postgres_server import postgres_server, program
from tests.waiting import wait_until
from wire.topics import Topics

pytestmark = [pytest.mark.broker, pytest.mark.slow]

RECORDS = """
store:
  records: {{host: 127.0.0.1, port: {pg_port}, database: {database}, username: {username}}}
"""


def _sites(folder: Path, port: int, there: PostgresAddress | None) -> tuple[LoadedSite, LoadedSite]:
    """One site for both services: the same file, or one with PostgreSQL and a folder each."""
    if there is None:
        loaded = make_site(folder, port=port)
        return loaded, loaded
    records = RECORDS.format(pg_port=there.port, database=there.database, username=there.username)
    text = SITE + records.replace("{", "{{").replace("}", "}}")
    first, second = folder / "a", folder / "b"
    first.mkdir()
    loaded = make_site(first, port=port, text=text)
    second.mkdir()
    for path in first.iterdir():
        if path.is_file():
            (second / path.name).write_bytes(path.read_bytes())
            (second / path.name).chmod(0o600)
    return loaded, open_site(second / "site.yaml")


@contextmanager
def _records(kind: str) -> Iterator[PostgresAddress | None]:
    if kind == "sqlite":
        yield None
        return
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed; `make setup-test` installs it")
    with postgres_server() as server:
        yield server.database()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_standby_takes_over_and_the_old_one_woken_up_sends_nothing(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "broker").mkdir()
    with (
        _records(kind) as there,
        running_mosquitto(tmp_path / "broker", persistent=True) as broker,
    ):
        site, same_site = _sites(tmp_path, broker.port, there)
        first, second = Service(site), Service(same_site)
        air = Air(broker.address(), Topics(site.site.site.id))
        air.start()
        try:
            first.launch()
            first.wait_until_acting(within_s=150)
            second.launch()
            wait_until(lambda: second.said("standing by"), within_s=150)
            raise_alarm(air)
            wait_until(lambda: len(orders(air)) >= 2, within_s=150)
            first.signal(signal.SIGSTOP)
            second.wait_until_acting(within_s=150)
            wait_until(lambda: len(orders(air)) >= 4, within_s=150)
            assert len({each["id"] for each in orders(air)}) == 2, "the same orders, said again"
            case = [each["id"] for each in air.heard("/warning/") if each["state"] == "open"]
            assert len(set(case)) == 1
            # With its successor asleep, whatever is said now would be the old one's.
            second.signal(signal.SIGSTOP)
            air.say(f"{air.topics.root}/sensor/noise-1/reading", {"mark": 1})
            wait_until(lambda: any("mark" in each for each in air.heard("/reading")), within_s=150)
            told = len(spoken(air))
            first.signal(signal.SIGCONT)
            assert first.ended(150) == 3
            # A successor that fell asleep within a commit to the same file keeps that file locked.
            asleep_in_commit = there is None and first.said("database is locked")
            assert asleep_in_commit or first.said("another service of this site acts now")
            assert len(spoken(air)) == told
            second.signal(signal.SIGCONT)
            wait_until(lambda: len(orders(air)) > 4 or len(spoken(air)) > told, within_s=150)
        finally:
            for service in (first, second):
                service.end()
            air.stop()


def raise_alarm(air: Air) -> None:
    body = {
        "id": "a-1",
        "at": datetime.now(UTC).isoformat(),
        "hazard": "fire",
        "state": "raised",
    }
    air.say(f"{air.topics.root}/sensor/fire-1/alarm", body, retain=True)


def spoken(air: Air) -> list[dict[str, object]]:
    """All but last wills: these are the broker's own, for a service that is silent."""
    return [each for each in air.heard("/") if each.get("state") != "offline"]


def orders(air: Air) -> list[dict[str, object]]:
    return [each for each in air.heard("/order") if each.get("action") == "show"]
