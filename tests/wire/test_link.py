"""The service's link, one suite: against a real Mosquitto, the embedded broker, and the torture's
simulated link and broker."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from model.facts import DeviceKind
from tests.mosquitto import Mosquitto, running_mosquitto
from tests.waiting import wait_until
from tests.wire.lines import PATIENCE_S, READING, TOPICS, Site, peer, running_link, take_all
from wire.address import BrokerAddress
from wire.link_terms import LinkLimits, LinkState, Will


def test_what_the_field_says_arrives_in_order_and_once(site: Site) -> None:
    with running_link(site.addresses["service"]) as link, peer(site.addresses["field"]) as device:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        for number in range(200):
            device.client.publish(READING, str(number).encode(), qos=1)
        got = take_all(link, 200)
        assert [int(one.payload) for one in got] == list(range(200))
        assert {one.topic for one in got} == {READING}
        assert not any(one.retained for one in got)
        link.ack(one.token for one in got)
        wait_until(lambda: link.counts().acknowledged == 200)
        assert link.take(10, 0.1) == []


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(site: Site) -> None:
    address = site.addresses["service"]
    with peer(site.addresses["field"]) as device:
        with running_link(address) as link:
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            for number in range(20):
                device.say(READING, str(number).encode())
            got = take_all(link, 20)
            link.ack(one.token for one in got[:15])
            wait_until(lambda: link.counts().acknowledged == 15)
        with running_link(address) as link:
            again = take_all(link, 5)
            assert [int(one.payload) for one in again] == [15, 16, 17, 18, 19]
            link.ack(one.token for one in again)
            wait_until(lambda: link.counts().acknowledged == 5)
        with running_link(address) as link:
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            assert link.take(10, 0.2) == []


def test_what_is_said_while_the_service_is_away_is_kept(site: Site) -> None:
    address = site.addresses["service"]
    with running_link(address) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
    with peer(site.addresses["field"]) as device:
        for number in range(3000):
            device.client.publish(READING, str(number).encode(), qos=1)
        device.say(READING, b"3000")
        device.client.publish(TOPICS.bollard_state("b1"), b"{}", qos=1).wait_for_publish(PATIENCE_S)
    with running_link(address) as link:
        got = take_all(link, 3001, ack=True)
        assert [int(one.payload) for one in got] == list(range(3001))


def test_an_acknowledgement_of_a_lost_connection_touches_no_other_message(site: Site) -> None:
    with running_link(site.addresses["service"]) as link, peer(site.addresses["field"]) as device:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        device.say(READING, b"first")
        (first,) = take_all(link, 1)
        with peer(site.addresses["service"], client_id="service-n1"):
            # Somebody took our place for a moment: the connection is another one afterwards.
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            wait_until(lambda: link.counts().connections >= 2)
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        link.ack([first.token])
        wait_until(lambda: link.counts().stale_acks == 1)
        assert link.counts().acknowledged == 0


def test_a_full_inbox_stops_reading_and_loses_nothing(site: Site) -> None:
    limits = LinkLimits(inbox_messages=50)
    with running_link(site.addresses["service"], limits=limits) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        with peer(site.addresses["field"]) as device:
            for number in range(1000):
                device.client.publish(READING, str(number).encode(), qos=1)
            wait_until(lambda: link.waiting == 50)
            got = take_all(link, 1000)
            link.ack(one.token for one in got)
            assert link.waiting <= 50
        assert [int(one.payload) for one in got] == list(range(1000))


def test_a_message_beyond_all_bounds_is_cut_and_the_next_one_arrives(site: Site) -> None:
    with running_link(site.addresses["service"]) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        with peer(site.addresses["field"]) as device:
            device.say(READING, b"x" * 1_000_000)
            device.say(READING, b"after")
        cut, after = take_all(link, 2)
        assert (len(cut.payload), after.payload) == (65_537, b"after")


def test_orders_reach_the_device_and_are_confirmed(site: Site) -> None:
    topic = TOPICS.order(DeviceKind.TERMINAL, "t1")
    confirmed: list[bool] = []
    with running_link(site.addresses["service"]) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        with peer(site.addresses["field"], hear=topic) as device:
            assert link.publish(topic, b"show", confirmed=confirmed.append)
            wait_until(lambda: device.heard == [(topic, b"show", False)])
            wait_until(lambda: confirmed == [True])


def test_an_order_is_not_taken_before_the_broker_first_answered(site: Site) -> None:
    topic = TOPICS.order(DeviceKind.TERMINAL, "t1")
    confirmed: list[bool] = []
    # The broker is down at first: one that is up may have answered before we ask.
    site.broker.stop()
    with running_link(site.addresses["service"]) as link:
        assert not link.publish(topic, b"too early", confirmed=confirmed.append)
        site.broker.start()
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        with peer(site.addresses["field"], hear=topic) as device:
            assert link.publish(topic, b"show", confirmed=confirmed.append)
            wait_until(lambda: device.heard == [(topic, b"show", False)])
            wait_until(lambda: confirmed == [True])


def test_an_order_is_not_taken_while_the_broker_is_away(site: Site) -> None:
    topic = TOPICS.order(DeviceKind.TERMINAL, "t1")
    with running_link(site.addresses["service"]) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        site.broker.stop()
        assert link.wait_for(LinkState.LOST, PATIENCE_S)
        assert not link.publish(topic, b"show")
        site.broker.start()
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        assert link.publish(topic, b"show")
        assert link.counts().not_sent == 1


def test_what_should_stand_retained_is_said_again_to_a_broker_that_forgot(site: Site) -> None:
    zone, warning = TOPICS.zone_state("z1"), TOPICS.warning("w1")
    with running_link(site.addresses["service"]) as link:
        link.keep(zone, b"calm")
        link.keep(warning, b"open")
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        wait_until(lambda: link.counts().confirmed == 2)
        site.broker.stop()
        assert link.wait_for(LinkState.LOST, PATIENCE_S)
        link.keep(zone, b"red")
        link.keep(warning, b"closed")
        link.keep(warning, b"")
        site.broker.start()
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        wait_until(lambda: link.counts().confirmed == 5)
        with peer(site.addresses["observer"], hear="yinding/v1/shichahai/#") as board:
            wait_until(lambda: (zone, b"red", True) in board.heard)
            assert all(topic != warning for topic, _, _ in board.heard)


def test_the_last_word_of_a_warning_is_heard_before_it_is_cleared(site: Site) -> None:
    warning = TOPICS.warning("w1")
    with (
        peer(site.addresses["observer"], hear="yinding/v1/shichahai/#") as board,
        running_link(site.addresses["service"]) as link,
    ):
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        link.keep(warning, b"closed")
        link.keep(warning, b"")
        wait_until(lambda: len(board.heard) == 2)
        assert [payload for _, payload, _ in board.heard] == [b"closed", b""]


def test_a_status_kept_by_the_broker_is_marked_as_replayed(site: Site) -> None:
    status = TOPICS.status(DeviceKind.SENSOR, "s1")
    with peer(site.addresses["field"]) as device:
        device.say(status, b"online", retain=True)
    with running_link(site.addresses["service"]) as link:
        (kept,) = take_all(link, 1)
        assert (kept.topic, kept.payload, kept.retained) == (status, b"online", True)
        with peer(site.addresses["field"]) as device:
            device.say(status, b"", retain=True)
            (cleared,) = take_all(link, 1)
            assert (cleared.payload, cleared.retained) == (b"", False)


def test_the_service_that_dies_is_announced_by_its_will_and_one_that_stops_is_not(
    site: Site,
) -> None:
    status = TOPICS.service_status("n1")
    will = Will(status, b"offline")
    with peer(site.addresses["observer"], hear=status) as board:
        with running_link(site.addresses["service"], will=will) as link:
            link.keep(status, b"online")
            wait_until(lambda: (status, b"online", False) in board.heard)
        with running_link(site.addresses["service"], will=will) as link:
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            assert b"offline" not in [payload for _, payload, _ in board.heard]
            with peer(site.addresses["service"], client_id="service-n1"):
                wait_until(lambda: (status, b"offline", False) in board.heard)


def test_a_wrong_password_is_named_and_harms_nobody(site: Site) -> None:
    good = site.addresses["service"]
    with running_link(good) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
    with peer(site.addresses["field"]) as device:
        device.say(READING, b"kept")
    bad = BrokerAddress(host=good.host, port=good.port, username="service", password="wrong")
    with running_link(bad) as link:
        assert link.wait_for(LinkState.REFUSED, PATIENCE_S)
    with running_link(good) as link:
        (kept,) = take_all(link, 1)
        assert kept.payload == b"kept"


def test_a_loss_and_its_end_are_logged_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="wire.link")
    with running_link(site.addresses["service"]) as link:
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
        site.broker.stop()
        assert link.wait_for(LinkState.LOST, PATIENCE_S)
        tried = link.counts().attempts
        wait_until(lambda: link.counts().attempts >= tried + 3)
        site.broker.start()
        assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
    words = [record.message for record in caplog.records]
    assert words == [
        "broker connected",
        "broker lost; trying again until it answers",
        "broker back",
    ]
    assert not any(one.password in caplog.text for one in site.addresses.values() if one.password)


@pytest.mark.broker
def test_a_broker_that_was_restarted_repeats_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path, persistent=True) as mosquitto:
        assert isinstance(mosquitto, Mosquitto)
        with running_link(mosquitto.address()) as link:
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            with peer(mosquitto.address()) as device:
                device.say(READING, b"one")
                link.ack(one.token for one in take_all(link, 1))
                wait_until(lambda: link.counts().acknowledged == 1)
                device.say(READING, b"two")
            wait_until(lambda: link.waiting == 1)
            mosquitto.stop()
            assert link.wait_for(LinkState.LOST, PATIENCE_S)
            mosquitto.start()
            assert link.wait_for(LinkState.CONNECTED, PATIENCE_S)
            wait_until(lambda: link.waiting == 2)
            assert [one.payload for one in take_all(link, 2)] == [b"two", b"two"]
