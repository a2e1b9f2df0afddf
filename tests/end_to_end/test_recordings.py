"""A terminal that only plays: rendered, signed, fetched over HTTP, checked, played; or failed by name."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx
import pytest

from model.clock import SystemClock
from model.facts import DeviceKind
from model.recordings import hash_of_address
from service.meeting_point import find
from service.site import LoadedSite
from store.people import Accounts
from tests.console.http import sign_in
from tests.console.stage import PASSWORD
from tests.end_to_end.house import SITE, Air, FieldThread, Service, living, make_site
from tests.mosquitto import Mosquitto, running_mosquitto
from tests.speech import heard_in, needs_espeak, pitch_hz, rms
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

PLAYS = SITE.replace(
    "name: {{zh: 二号, en: Two}}, zones: [bridge]",
    "name: {{zh: 二号, en: Two}}, zones: [bridge], plays: wav",
)
TYPED = {
    "text": {"zh": "请走左边的路", "en": "Please walk on the left"},
    "cancel": {"zh": "可以通行", "en": "The way is open"},
    "speech": "请走左边的路",
    "level": "yellow",
    "minutes": 15,
    "zones": ["bridge"],
    "decision": "web-12345678",
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running_mosquitto(tmp_path) as running:
        yield running


def order_of(air: Air, terminal: str, action: str) -> dict[str, Any]:
    """The first order of this sort that the terminal was sent."""
    topic = f"terminal/{terminal}/order"
    wait_until(lambda: [one for one in air.heard(topic) if one["action"] == action])
    return next(one for one in air.heard(topic) if one["action"] == action)


def alarm(field: FieldThread, *, raised: bool) -> None:
    field.do(lambda: field.field.set_alarm("fire-1", raised=raised))


def has_come(field: FieldThread, what: str, device: str, *, times: int) -> None:
    wait_until(lambda: len(field.did(what, device)) == times)


def get(address: str) -> bytes:
    with urlopen(address, timeout=10) as answer:  # noqa: S310 - our own console
        assert answer.headers["Content-Type"] == "audio/wav"
        body: bytes = answer.read()
        return body


def all_ready(service: Service) -> bool:
    """Two plans' worth of texts: the plan and its cancel, the common cancel, both as an exercise."""
    return service.figures().get("yinding_recordings", 0) >= 5


@needs_espeak
def test_what_only_plays_gets_the_signed_address_of_a_recording_fetches_checks_and_plays_it(
    broker: Mosquitto, tmp_path: Path
) -> None:
    loaded = make_site(tmp_path, port=broker.port, text=PLAYS)
    with living(loaded, broker.address()) as (service, field, air):
        alarm(field, raised=True)
        wait_until(lambda: field.did("played", "t1") and field.did("played", "t2"))
        order = order_of(air, "t2", "show")
        assert "audio" not in order_of(air, "t1", "show"), "the other terminal speaks by itself"
        wav = get(order["audio"])
        assert hashlib.sha256(wav).hexdigest() == hash_of_address(order["audio"])
        sound, rate_hz = heard_in(wav)
        beep = sound[round(0.05 * rate_hz) : round(0.35 * rate_hz)]
        assert pitch_hz(beep, rate_hz) == pytest.approx(880, abs=4)
        words = sound[round(1.8 * rate_hz) :]
        assert rms(words) > 0.02, "after three beeps come words"

        altered = dict(order) | {"audio": order["audio"].replace("/public", "/other/public")}
        air.say(air.topics.order(DeviceKind.TERMINAL, "t2"), altered)
        wait_until(lambda: field.did("bad_signature", "t2"))

        alarm(field, raised=False)
        back = order_of(air, "t2", "cancel")
        sound, rate_hz = heard_in(get(back["audio"]))
        beep = sound[round(0.05 * rate_hz) : round(0.35 * rate_hz)]
        assert pitch_hz(beep, rate_hz) == pytest.approx(440, abs=4), "an all-clear sounds calm"
        wait_until(lambda: len(field.did("played", "t2")) == 2)
        assert [one for one in field.log if one.what == "failed"] == []

        wait_until(lambda: all_ready(service))
        service.kill()
        service.start()
        assert service.figures()["yinding_recordings"] >= 5
        assert service.figures()["yinding_recordings_rendered_total"] == 0, "they lay on the disk"
        assert get(order["audio"].replace(_host(order["audio"]), _console(loaded))) == wav


def _console(loaded: LoadedSite) -> str:
    point = find(loaded.data_folder)
    assert point is not None
    return point.console.removeprefix("http://")


def _host(address: str) -> str:
    return address.removeprefix("http://").partition("/")[0]


@needs_espeak
def test_a_typed_message_is_rendered_before_it_goes(broker: Mosquitto, tmp_path: Path) -> None:
    loaded = make_site(tmp_path, port=broker.port, text=PLAYS)
    accounts = Accounts.open(loaded.data_folder, SystemClock())
    accounts.set_password("operator", PASSWORD)
    accounts.close()
    with living(loaded, broker.address()) as (service, field, air):

        async def typing() -> None:
            base = f"http://{_console(loaded)}"
            async with httpx.AsyncClient(base_url=base, timeout=30) as browser:
                await sign_in(browser, "operator")
                answer = await browser.post("/api/v1/broadcasts", json=TYPED)
                assert answer.status_code == 200, answer.text

        asyncio.run(typing())
        order = order_of(air, "t2", "show")
        sound, _ = heard_in(get(order["audio"]))
        assert rms(sound) > 0.02
        wait_until(lambda: field.did("played", "t2"))
        assert not [key for key in service.figures() if key.startswith("yinding_orders_without")]


def test_without_a_synthesiser_the_text_goes_and_the_lack_is_named_counted_and_said_once(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = make_site(tmp_path, port=broker.port, text=PLAYS)
    nothing = tmp_path / "no-programs"
    nothing.mkdir()
    monkeypatch.setenv("PATH", str(nothing))
    with living(loaded, broker.address()) as (service, field, air):
        for turn in (1, 2):
            alarm(field, raised=True)
            has_come(field, "played", "t1", times=2 * turn - 1)
            has_come(field, "failed", "t2", times=turn)
            alarm(field, raised=False)
            has_come(field, "cancelled", "t2", times=turn)
            has_come(field, "played", "t1", times=2 * turn)
        assert {one.detail for one in field.did("failed", "t2")} == {"no_audio"}
        assert all("audio" not in one for one in air.heard("terminal/t2/order"))
        count = 'yinding_orders_without_audio_total{reason="no_synthesiser"}'
        wait_until(lambda: service.figures().get(count) == 4)
        said = (loaded.folder / "serve.log").read_text("utf-8")
        assert said.count("there is no espeak-ng on this machine") == 1


def test_nobody_gets_at_anything_else_where_recordings_are_given_out(
    broker: Mosquitto, tmp_path: Path
) -> None:
    loaded = make_site(tmp_path, port=broker.port, text=PLAYS)
    with living(loaded, broker.address()):
        for name in ("0" * 64 + ".wav", "..%2fyinding.sqlite", "x.wav", "0" * 64):
            with pytest.raises(HTTPError) as refused:
                urlopen(f"http://{_console(loaded)}/public/audio/{name}", timeout=10)
            assert refused.value.code == 404, name
