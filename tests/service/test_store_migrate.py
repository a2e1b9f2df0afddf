"""History moves to a time-series server whole, and again without doubling."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from service.commands.store import migrate
from service.exits import OutsideError, WrongUseError
from service.secrets_folder import make_missing
from service.site import open_site
from store.embedded import Store
from tests.end_to_end.house import SITE
from tests.store.influx_endpoint import influx_endpoint
from tests.store.test_series import tidied
from tests.store.words import at, live, noise


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
        assert json.loads(capsys.readouterr().out) == {"sources": 2, "readings": 180 + 90}
        stamps = {line.rsplit(" ", 1)[1] for line in endpoint.lines if ",id=c1 " in line}
        assert stamps == {str(int(at(s).timestamp() * 1000)) for s in range(0, 90_000, 500)}
        endpoint.answer = 503
        with pytest.raises(OutsideError, match="503"):
            migrate(path, since=datetime(2026, 2, 17), until=datetime(2026, 2, 20))  # noqa: DTZ001


def test_a_site_without_a_server_is_told_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE.format(port=1883, cameras="[]"), encoding="utf-8")
    loaded = open_site(path, secrets_needed=False)
    make_missing(loaded.site, loaded.folder)
    with pytest.raises(WrongUseError, match=r"store\.readings"):
        migrate(path)
