"""The service's own figures for monitoring, read at the moment that they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.intake import Intake
from service.spine import Spine
from wire.link import BrokerLink
from wire.link_terms import LinkState


class ServiceFigures(Collector):
    """What came in, what was refused and why, and how the broker link and the spine do."""

    def __init__(self, *, intake: Intake, link: BrokerLink, spine: Spine) -> None:
        self._intake = intake
        self._link = link
        self._spine = spine

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        refused = CounterMetricFamily(
            "yinding_refused", "Messages set aside, by named reason", labels=["reason"]
        )
        for reason, count in self._intake.refused_by_reason.snapshot().items():
            refused.add_metric([reason], count)
        refused.add_metric(["duplicate"], self._spine.duplicates)
        yield refused
        yield CounterMetricFamily("yinding_facts", "Facts taken in", value=self._intake.facts)
        yield CounterMetricFamily("yinding_commits", "Commits made", value=self._spine.commits)
        counts = self._link.counts()
        yield CounterMetricFamily("yinding_received", "Messages received", value=counts.received)
        yield CounterMetricFamily(
            "yinding_acknowledged", "Messages acknowledged", value=counts.acknowledged
        )
        yield CounterMetricFamily("yinding_broker_losses", "Broker lost", value=counts.losses)
        connected = self._link.state is LinkState.CONNECTED
        yield GaugeMetricFamily("yinding_broker_connected", "Broker there", value=float(connected))
        yield from self._spine.step_times.collect()


def registry_of(*figures: Collector) -> CollectorRegistry:
    """A registry of its own, so that two services in one process never mix their figures."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for each in figures:
        registry.register(each)
    return registry
