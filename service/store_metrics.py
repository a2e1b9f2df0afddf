"""The store's figures for monitoring: what it holds, what waits, and how much disk is left."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model.clock import Clock
from store.columns import TABLES
from store.embedded import Store
from store.shipping import Shipper
from store.stamps import to_ms


class StoreFigures(Collector):
    """Readings taken in, what is open, size and free disk, and what waits for the series server."""

    def __init__(self, *, store: Store, clock: Clock, shipper: Shipper | None) -> None:
        self._store = store
        self._clock = clock
        self._shipper = shipper

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        yield from self._held()
        yield from self._disk()
        yield from self._open()
        if self._shipper is not None:
            yield from self._waiting(self._shipper)

    def _held(self) -> Iterator[Metric]:
        counts = self._store.counts()
        readings = CounterMetricFamily(
            "yinding_readings", "Readings stored, by kind of source", labels=["kind"]
        )
        for kind, table in TABLES.items():
            readings.add_metric([kind], counts[table])
        yield readings
        yield GaugeMetricFamily(
            "yinding_store_unpacked_readings",
            "Readings in the journal that are not packed yet",
            value=self._store.unpacked,
        )

    def _disk(self) -> Iterator[Metric]:
        folder = self._store.path.parent
        size = sum(each.stat().st_size for each in folder.glob(f"{self._store.path.name}*"))
        yield GaugeMetricFamily("yinding_store_bytes", "The store's files", value=size)
        yield GaugeMetricFamily(
            "yinding_store_free_bytes",
            "Free on the store's disk",
            value=shutil.disk_usage(folder).free,
        )

    def _open(self) -> Iterator[Metric]:
        cases = GaugeMetricFamily("yinding_cases_open", "Open cases, by level", labels=["level"])
        levels = Counter(case.level.value for case in self._store.cases(open_only=True, limit=1000))
        for level in ("blue", "yellow", "orange", "red"):
            cases.add_metric([level], levels[level])
        yield cases
        yield GaugeMetricFamily(
            "yinding_orders_unfinished",
            "Orders that no receipt has ended",
            value=len(self._store.orders(unfinished=True, limit=1000)),
        )

    def _waiting(self, shipper: Shipper) -> Iterator[Metric]:
        waiting = shipper.waiting()
        oldest_ms = waiting.oldest_ms
        age_s = 0.0 if oldest_ms is None else (to_ms(self._clock.now()) - oldest_ms) / 1000
        yield GaugeMetricFamily(
            "yinding_series_server_up",
            "Whether the time-series server takes readings",
            value=float(not waiting.away),
        )
        yield GaugeMetricFamily(
            "yinding_spool_commits", "Commits waiting for the series server", value=waiting.commits
        )
        yield GaugeMetricFamily(
            "yinding_spool_age_seconds", "Age of the oldest reading that waits", value=age_s
        )
        for name, text, value in (
            ("sent", "Readings sent to the series server", waiting.sent),
            ("refused", "Readings that the series server refused", waiting.refused),
            ("dropped", "Commits let go unsent, since the spool was full", waiting.dropped),
        ):
            yield CounterMetricFamily(f"yinding_spool_{name}", text, value=value)
