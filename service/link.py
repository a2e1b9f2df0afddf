"""The service's own link to the broker."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from config.schema import SiteFile
from model.clock import Clock
from wire.address import BrokerAddress
from wire.codec import encode
from wire.link import BrokerLink
from wire.link_terms import Will
from wire.payloads import ServiceStatus
from wire.topics import Topics


def link_of(
    site: SiteFile,
    node: str,
    address: BrokerAddress,
    clock: Clock,
    *,
    may_speak: Callable[[], bool],
) -> BrokerLink:
    """The link of a service node, whose last will says that it is gone.

    Nothing leaves it while another node may act (`may_speak` says no).
    """
    topics = Topics(site.site.id)
    gone = encode(ServiceStatus(state="offline"), tz=ZoneInfo(site.site.timezone))
    return BrokerLink(
        address,
        client_id=f"yinding-{site.site.id}",
        filters=topics.service_filters(),
        clock=clock,
        will=Will(topics.service_status(node), gone),
        may_speak=may_speak,
    )
