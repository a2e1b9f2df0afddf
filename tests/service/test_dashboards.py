"""The dashboards ask for figures that exist: the service's own, and those sent in line protocol."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import Histogram, generate_latest

from model.clock import ManualClock
from service.metrics import ServiceFigures, registry_of
from service.store_metrics import StoreFigures
from store.columns import LAYOUTS
from store.embedded import Store
from store.line_protocol import measurement
from store.series_server import ServerRun
from store.shipping import Shipper
from tests.store.words import case, live, order
from wire.link_terms import LinkState

DASHBOARDS = Path(__file__).parents[2] / "deploy" / "grafana"


class Nowhere:
    """A series server that takes everything."""

    def write(self, lines: list[str], /) -> None:
        assert lines

    def run(self) -> ServerRun:
        return ServerRun()


@pytest.fixture
def figures(tmp_path: Path) -> str:
    """What /metrics tells of a store with a reading, a case and an order."""
    clock = ManualClock(datetime(2026, 2, 17, 20, 0, tzinfo=UTC))
    with Store.open(tmp_path, full_sync=False) as store:
        with store.transaction() as tx:
            tx.add_facts([live("c1", 0)])
            tx.save_case(case())
            tx.save_order(order("o-1", 1))
        counts = SimpleNamespace(received=1, acknowledged=1, losses=0)
        intake = SimpleNamespace(
            refused_by_reason=SimpleNamespace(snapshot=lambda: {"malformed": 2}), facts=1
        )
        link = SimpleNamespace(counts=lambda: counts, state=LinkState.CONNECTED)
        steps = Histogram("yinding_step_seconds", "step", registry=None)
        spine = SimpleNamespace(duplicates=0, commits=1, step_times=steps)
        shipper = Shipper(
            store, Nowhere(), site="lake", monotonic=clock.monotonic, spool_bytes=10**6
        )
        registry = registry_of(
            ServiceFigures(
                intake=cast("Any", intake), link=cast("Any", link), spine=cast("Any", spine)
            ),
            StoreFigures(store=store, clock=clock, shipper=shipper),
        )
        return generate_latest(registry).decode()


def _asked(name: str) -> set[str]:
    board = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return {word for expr in asked for word in re.findall(r"\b(?:yinding|process)_\w+", expr)}


def test_the_services_dashboard_asks_for_what_metrics_tells(figures: str) -> None:
    told = set(re.findall(r"^(\w+)[ {]", figures, re.MULTILINE))
    assert _asked("service.json") <= told
    assert 'yinding_readings_total{kind="camera"} 1.0' in figures
    assert 'yinding_cases_open{level="red"} 1.0' in figures
    assert "yinding_orders_unfinished 1.0" in figures
    assert "yinding_spool_age_seconds 3600.0" in figures


def test_the_crowds_dashboard_asks_for_what_is_sent() -> None:
    sent = {
        f"{measurement(kind)}_{name}"
        for kind, layout in LAYOUTS.items()
        for name in layout.quantities
    }
    assert _asked("crowds.json") <= sent


@pytest.mark.parametrize("name", ["service.json", "crowds.json"])
def test_a_dashboards_panels_are_in_both_languages_and_do_not_overlap(name: str) -> None:
    board = json.loads((DASHBOARDS / name).read_text(encoding="utf-8"))
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)
    for panel in board["panels"]:
        assert re.search(r"[\u4e00-\u9fff]", panel["title"])
        assert re.search(r"[a-z]{2}", panel["title"])
