"""What goes wrong while recordings are made costs one recording, never the voice."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

import pytest

from devices.speech import voice as voices
from devices.speech.shelf import Shelf
from devices.speech.synthesis import Lack, LackError, as_wav, render
from devices.speech.tones import attention
from devices.speech.voice import Voice, settled
from devices.speech.words import Spoken, Tone, spoken_of
from tests.devices.rig import cancel, show
from tests.waiting import wait_until

WORDS = Spoken(tone=Tone.WARNING, zh="请绕行", en="Take another way")
BASE = "http://10.0.0.5:8460"


def beep(words: Spoken) -> bytes:
    return as_wav(attention(words.tone)) + words.zh.encode()


@pytest.mark.parametrize("surprise", [OSError("disk"), ValueError("odd"), MemoryError()])
def test_a_surprise_costs_one_recording_and_not_the_voice(
    tmp_path: Path, surprise: Exception
) -> None:
    def rendering(words: Spoken) -> bytes:
        if words == spoken_of(show()):
            raise surprise
        return beep(words)

    voice = Voice(Shelf(tmp_path), BASE, rendering=rendering)
    voice.start()
    try:
        assert settled([voice.prepare(spoken_of(show()))], 30)
        assert voice.audio_of(show()) is None
        assert voice.lacks() == {"synthesis_failed": 1}
        assert settled([voice.prepare(spoken_of(cancel()))], 30)
        assert voice.audio_of(cancel()) is not None
    finally:
        voice.stop()


def test_no_room_for_the_synthesisers_file_is_a_named_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LackError) as lacking:
        render(WORDS, lambda: "/bin/true")
    assert lacking.value.lack is Lack.SYNTHESIS_FAILED


def test_what_was_refused_is_remembered_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "WAITING_MOST", 2)
    may = threading.Event()

    def rendering(words: Spoken) -> bytes:
        assert may.wait(30)
        return beep(words)

    voice = Voice(Shelf(tmp_path), BASE, rendering=rendering)
    voice.start()
    try:
        for letter in "甲乙":
            voice.prepare(Spoken(tone=Tone.CALM, zh=letter, en=""))
        assert voice.prepare(spoken_of(show())).done()
        for letter in "丙丁":
            assert voice.prepare(Spoken(tone=Tone.CALM, zh=letter, en="")).done()
        assert voice.audio_of(show()) is None
        assert voice.lacks() == {"not_ready": 1}, "the oldest refusal is forgotten"
    finally:
        may.set()
        voice.stop()


def test_a_voice_that_stops_ends_its_synthesiser_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    program = tmp_path / "espeak-ng"
    program.write_text(
        f"#!/bin/sh\necho $$ > {begun}.part\nmv {begun}.part {begun}\nexec sleep 60\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    voice = Voice(Shelf(tmp_path / "recordings"), BASE)
    voice.start()
    waiting = voice.prepare(spoken_of(show()))
    wait_until(begun.exists)
    started_s = time.monotonic()
    voice.stop()
    assert time.monotonic() - started_s < 2.0
    assert settled([waiting], 1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


@pytest.mark.parametrize("cut", [1, 2, 1000])
def test_a_recording_that_was_cut_is_not_taken_for_a_whole_one(tmp_path: Path, cut: int) -> None:
    half = tmp_path / "half.wav"
    half.write_bytes(as_wav(attention(Tone.DANGER))[:-cut])
    program = tmp_path / "espeak-ng"
    # The file's name comes after `-w`, at the end.
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncp {half} "$last"\n')
    program.chmod(0o755)
    with pytest.raises(LackError) as lacking:
        render(WORDS, lambda: str(program))
    assert lacking.value.lack is Lack.SYNTHESIS_FAILED
