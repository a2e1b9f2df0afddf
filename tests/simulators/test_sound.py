"""A terminal that only plays trusts no recording: what is wrong with it is the receipt's reason."""

from __future__ import annotations

import hashlib
import io
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from model.facts import TerminalReceipt
from model.recordings import BYTES_MOST, address_of
from simulators.sound import SoundFault, fetch, playable_s
from tests.mosquitto import free_port
from tests.simulators.test_devices_terminals import Terminal, said

BASE = "http://127.0.0.1:9"


def wav(
    loudness: float = 0.5, *, seconds: float = 3.0, rate_hz: int = 8000, width: int = 2
) -> bytes:
    moments = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.round(loudness * 32_000 * np.sin(2 * np.pi * 440 * moments))
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(sound.astype(f"<i{width}").tobytes())
    return whole.getvalue()


def address_to(content: bytes, base: str = BASE) -> str:
    return address_of(base, hashlib.sha256(content).hexdigest())


@contextmanager
def console(answers: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """A real HTTP server with these paths."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Location", "/public/audio/elsewhere.wav")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_recording_comes_whole_over_http_and_whatever_else_answers_is_named() -> None:
    good = wav()
    path = address_to(good, "")
    answers = {
        path: (200, good),
        "/moved": (302, b""),
        "/large": (200, bytes(BYTES_MOST + 1)),
    }
    with console(answers) as base:
        assert fetch(base + path) == good
        assert fetch(f"{base}/nothing") is SoundFault.MISSING
        assert fetch(f"{base}/moved") is SoundFault.MISSING, "no redirection is followed"
        assert fetch(f"{base}/large") is SoundFault.TOO_LARGE
    assert fetch(f"http://127.0.0.1:{free_port()}{path}") is SoundFault.UNREACHABLE
    assert fetch(f"http://127.0.0.1:port{path}") is SoundFault.ADDRESS_WRONG


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", SoundFault.NOT_WAV),
        (b"<html>a proxy's sign-in page</html>", SoundFault.NOT_WAV),
        (wav()[:-1000], SoundFault.NOT_WAV),
        (wav(width=4), SoundFault.NOT_WAV),
        (wav(0.0), SoundFault.SILENT),
        (wav(seconds=0.0), SoundFault.SILENT),
    ],
)
def test_what_cannot_be_played_is_named(content: bytes, fault: SoundFault) -> None:
    assert playable_s(address_to(content), content) is fault


def test_what_is_not_what_was_signed_is_not_played() -> None:
    assert playable_s(address_to(wav()), wav()) == pytest.approx(3.0)
    assert playable_s(address_to(wav(0.4)), wav()) is SoundFault.ALTERED


class Horn(Terminal):
    """A terminal that only plays, on a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.machine.only_plays = True

    def fetched(self, order: str, sound: bytes | SoundFault) -> list[TerminalReceipt]:
        now, mono = self.clock.now(), self.clock.monotonic()
        return self.machine.fetched(order, sound, now, mono)


def test_played_is_said_after_the_recording_was_fetched_and_played_and_not_before() -> None:
    horn, sound = Horn(), wav()
    assert said(horn.receive(horn.order(1, audio=address_to(sound)))) == [("received", None)]
    assert horn.pass_time(30) == []
    assert horn.whats().count("shown") == 0, "it has no screen"
    assert horn.machine.take_wanted() == [("order-1", address_to(sound))]
    assert horn.machine.take_wanted() == [], "each is asked for once"
    assert horn.fetched("order-1", sound) == []
    assert said(horn.pass_time(3)) == [("played", None)]
    assert horn.whats().count("shown") == 1


@pytest.mark.parametrize(
    ("audio", "fault"),
    [
        (None, "no_audio"),
        ("http://10.0.0.5/words.wav", "audio_address_wrong"),
        ("file:///etc/" + "a" * 64 + ".wav", "audio_address_wrong"),
    ],
)
def test_an_order_without_a_recording_fails_by_name(audio: str | None, fault: str) -> None:
    horn = Horn()
    receipts = horn.receive(horn.order(1, audio=audio))
    assert said(receipts) == [("received", None), ("failed", fault)]
    assert horn.machine.take_wanted() == []


@pytest.mark.parametrize("sound", [SoundFault.UNREACHABLE, SoundFault.MISSING, wav(0.3), b"no"])
def test_a_recording_that_is_not_to_be_had_fails_by_name(sound: bytes | SoundFault) -> None:
    horn = Horn()
    horn.receive(horn.order(1, audio=address_to(wav())))
    horn.machine.take_wanted()
    reason = sound.value if isinstance(sound, SoundFault) else "audio_altered"
    assert said(horn.fetched("order-1", sound)) == [("failed", reason)]
    assert horn.pass_time(30) == []


@pytest.mark.parametrize("asked", [True, False])
def test_what_was_withdrawn_while_it_was_fetched_is_never_heard(asked: bool) -> None:
    horn, sound = Horn(), wav()
    horn.receive(horn.order(1, audio=address_to(sound)))
    if asked:
        horn.machine.take_wanted()
    receipts = horn.receive(horn.order(2, action="cancel", audio=address_to(sound)))
    assert [(one.order, one.stage.value, one.reason) for one in receipts] == [
        ("order-2", "received", None),
        ("order-1", "failed", "withdrawn"),
        ("order-2", "played", None),
    ], "nobody heard the alarm, so nobody is told that it is over"
    assert horn.machine.take_wanted() == []
    assert horn.fetched("order-1", sound) == []
    assert horn.pass_time(30) == []


def test_those_who_heard_the_alarm_hear_that_it_is_over() -> None:
    horn, sound = Horn(), wav()
    horn.receive(horn.order(1, audio=address_to(sound)))
    horn.machine.take_wanted()
    horn.fetched("order-1", sound)
    horn.pass_time(3)
    horn.receive(horn.order(2, action="cancel", audio=address_to(sound)))
    assert [name for name, _ in horn.machine.take_wanted()] == ["order-2"]
    horn.fetched("order-2", sound)
    assert said(horn.pass_time(3)) == [("played", None)]


def test_a_recording_is_played_again_as_often_as_the_order_asks_and_fetched_once() -> None:
    horn, sound = Horn(), wav()
    horn.receive(horn.order(1, audio=address_to(sound), repeat_s=30))
    assert len(horn.machine.take_wanted()) == 1
    horn.fetched("order-1", sound)
    assert said(horn.pass_time(3)) == [("played", None)]
    for _ in range(2):
        horn.pass_time(30)
        horn.pass_time(2)
    assert horn.whats().count("spoken_again") == 2
    assert horn.machine.take_wanted() == []


def test_a_broken_speaker_says_so() -> None:
    horn, sound = Horn(), wav()
    horn.machine.faults.speaker_broken = True
    horn.receive(horn.order(1, audio=address_to(sound)))
    horn.machine.take_wanted()
    horn.fetched("order-1", sound)
    assert said(horn.pass_time(3)) == [("failed", "speaker_broken")]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/广播/x.wav", "http://127.0.0.1:9/\u00e9.wav"]
)
def test_an_address_that_http_cannot_say_is_a_wrong_address(address: str) -> None:
    assert fetch(address) is SoundFault.ADDRESS_WRONG
