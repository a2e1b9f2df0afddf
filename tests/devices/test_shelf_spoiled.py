"""The shelf does not trust its index: what is gone or altered is dropped, counted and made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.speech.shelf import Shelf
from devices.speech.synthesis import as_wav
from devices.speech.tones import attention
from devices.speech.voice import Voice, settled
from devices.speech.words import Spoken, spoken_of
from model.recordings import hash_of_address
from tests.devices.rig import show
from tests.waiting import wait_until


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    def rendering(words: Spoken) -> bytes:
        return as_wav(attention(words.tone))

    made = Voice(Shelf(tmp_path / "shelf"), "http://10.0.0.5:8460", rendering=rendering)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def rendered(voice: Voice) -> tuple[str, Path]:
    assert settled([voice.prepare(spoken_of(show()))], 30)
    sha256 = hash_of_address(voice.audio_of(show()) or "")
    path = voice.shelf.path_of(sha256 or "")
    assert sha256 is not None
    assert path is not None
    return sha256, path


def test_no_order_names_a_recording_that_was_deleted_and_the_next_one_has_it(voice: Voice) -> None:
    _, path = rendered(voice)
    path.unlink()
    assert voice.audio_of(show()) is None
    assert voice.shelf.spoiled == 1
    assert settled([voice.prepare(spoken_of(show()))], 30)
    assert voice.audio_of(show()) is not None
    assert path.is_file()


def test_an_altered_recording_is_not_given_out_and_is_made_anew(voice: Voice) -> None:
    sha256, path = rendered(voice)
    whole = path.read_bytes()
    path.write_bytes(b"\x00" * len(whole))
    assert voice.shelf.open_whole(sha256) is None
    assert voice.shelf.spoiled == 1
    wait_until(lambda: voice.rendered == 2)
    file = voice.shelf.open_whole(sha256)
    assert file is not None
    with file:
        path.unlink()
        assert file.read() == whole, "what is being given out is not cut off"


def test_one_entry_that_cannot_be_taken_in_hides_no_other(tmp_path: Path) -> None:
    first = Shelf(tmp_path)
    first.open()
    kept = first.put("a" * 64, b"a recording", stays=False)
    (tmp_path / f"{'b' * 64}-{'c' * 64}.wav").mkdir()
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "gone" / "x")
    again = Shelf(tmp_path)
    again.open()
    assert again.find("a" * 64) == kept
    assert again.spoiled == 2
