"""Recordings: what is heard in them, the bounded shelf they lie on, and the voice that never makes wait."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.speech.shelf import Shelf
from devices.speech.synthesis import Lack, LackError, as_wav, render
from devices.speech.tones import BEEP_S, BEEPS, PAUSE_S, PITCH_HZ, attention, silence
from devices.speech.voice import Voice, settled
from devices.speech.words import Spoken, Tone, spoken, spoken_of
from model.level import Level
from model.recordings import address_of, hash_of_address, hash_of_name
from model.text import Bilingual
from tests.devices.rig import cancel, show
from tests.speech import heard_in, needs_espeak, pitch_hz, rms

TEXT = Bilingual(zh="请绕行", en="Take another way")
WORDS = Spoken(tone=Tone.WARNING, zh="请绕行", en="Take another way")
BASE = "http://10.0.0.5:8460"


def say(speech: str, **changes: object) -> Spoken:
    parts = {"action": "show", "level": Level.ORANGE, "exercise": False} | changes
    return spoken(text=TEXT, speech=speech, **parts)  # type: ignore[arg-type]


def test_both_languages_are_said_and_speech_stands_for_the_text_of_its_own() -> None:
    assert (say("快走").zh, say("快走").en) == ("快走", TEXT.en)
    assert (say("Run!").zh, say("Run!").en) == (TEXT.zh, "Run!")
    assert (say(" ").zh, say("").en) == (TEXT.zh, TEXT.en)


def test_only_what_is_earnest_sounds_so() -> None:
    tones = {level: say("", level=level).tone for level in Level}
    assert tones == {
        Level.BLUE: Tone.NOTICE,
        Level.YELLOW: Tone.NOTICE,
        Level.ORANGE: Tone.WARNING,
        Level.RED: Tone.DANGER,
    }
    assert say("", level=Level.RED, exercise=True).tone is Tone.CALM
    assert spoken_of(cancel()).tone is Tone.CALM


@pytest.mark.parametrize("tone", Tone)
def test_the_tone_has_its_pitch_its_number_of_beeps_and_pauses_of_silence(tone: Tone) -> None:
    sound, rate_hz = heard_in(as_wav(attention(tone)))
    whole = round((BEEP_S + PAUSE_S) * rate_hz)
    assert len(sound) == pytest.approx(BEEPS[tone] * whole, abs=3)
    for at in range(BEEPS[tone]):
        beep = sound[at * whole :][: round(BEEP_S * rate_hz)]
        assert pitch_hz(beep, rate_hz) == pytest.approx(PITCH_HZ[tone], abs=3)
        assert rms(beep) > 0.3
        assert rms(sound[at * whole + round((BEEP_S + 0.01) * rate_hz) :][:3000]) == 0.0


@needs_espeak
@pytest.mark.parametrize("words", [("请绕行", ""), ("", "Take another way")])
def test_each_language_is_heard_after_the_tone(words: tuple[str, str]) -> None:
    sound, rate_hz = heard_in(render(Spoken(tone=Tone.CALM, zh=words[0], en=words[1])))
    after = sound[round((BEEP_S + PAUSE_S) * rate_hz) :]
    assert len(after) > 0.8 * rate_hz
    assert rms(after) > 0.02
    assert float(abs(sound).max()) <= 0.91


@needs_espeak
def test_no_text_is_taken_for_markup_phonemes_or_an_option() -> None:
    nasty = Spoken(
        tone=Tone.CALM, zh="-w /tmp/x [[h@'loU]] <break time='9s'/>请绕行\x00", en="--help"
    )
    sound, rate_hz = heard_in(render(nasty))
    assert rms(sound[rate_hz:]) > 0.02


def test_what_cannot_be_rendered_is_named(tmp_path: Path) -> None:
    def lack_with(program: str | None, words: Spoken = WORDS) -> Lack:
        with pytest.raises(LackError) as lacking:
            render(words, lambda: program)
        return lacking.value.lack

    assert lack_with(None) is Lack.NO_SYNTHESISER
    assert lack_with("/bin/false") is Lack.SYNTHESIS_FAILED
    assert lack_with("/bin/true") is Lack.SYNTHESIS_FAILED, "it ends well and writes nothing"
    assert lack_with(str(tmp_path / "gone")) is Lack.SYNTHESIS_FAILED
    assert lack_with("/bin/true", Spoken(tone=Tone.CALM, zh="[]", en=" ")) is Lack.NO_SOUND
    with pytest.raises(LackError, match="more than a message"):
        as_wav(silence(300))


@needs_espeak
def test_a_voice_that_says_nothing_is_no_recording() -> None:
    with pytest.raises(LackError) as lacking:
        render(Spoken(tone=Tone.CALM, zh="。。", en=""))
    assert lacking.value.lack is Lack.NO_SOUND


def test_an_address_names_its_content_and_nothing_else_passes_for_one() -> None:
    sha256 = hashlib.sha256(b"").hexdigest()
    address = address_of(f"{BASE}/", sha256)
    assert address == f"{BASE}/public/audio/{sha256}.wav"
    assert hash_of_address(address) == hash_of_name(f"{sha256}.wav") == sha256
    for wrong in (
        f"ftp://a/{sha256}.wav",
        f"http://u@a/{sha256}.wav",
        f"{BASE}/{sha256}",
        f"{BASE}/a?{sha256}.wav",
        f"{address}\n",
        "",
    ):
        assert hash_of_address(wrong) is None, wrong


def wav(number: int) -> bytes:
    return as_wav(silence(0.1)) + bytes([number])


def test_the_shelf_lets_go_of_what_was_asked_for_longest_ago_and_keeps_the_plans(
    tmp_path: Path,
) -> None:
    shelf = Shelf(tmp_path, files_most=3, bytes_most=10_000_000)
    shelf.open()
    plan = shelf.put("a" * 64, wav(1), stays=True)
    old = shelf.put("b" * 64, wav(2), stays=False)
    shelf.put("c" * 64, wav(3), stays=False)
    assert shelf.find("b" * 64) == old
    shelf.put("d" * 64, wav(4), stays=False)
    assert shelf.find("c" * 64) is None
    assert shelf.find("a" * 64) == plan
    assert (shelf.files, shelf.evicted, len(list(tmp_path.iterdir()))) == (3, 1, 3)
    path = shelf.path_of(old)
    assert path is not None
    assert path.read_bytes() == wav(2)


def test_the_shelf_is_bounded_in_bytes_and_says_when_only_plans_fill_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, bytes_most=2 * len(wav(1)))
    shelf.open()
    for number, letter in enumerate("abc"):
        shelf.put(letter * 64, wav(number), stays=letter != "a")
    assert (shelf.files, shelf.size) == (2, 2 * len(wav(1)))
    with pytest.raises(LackError) as full:
        shelf.put("e" * 64, wav(9), stays=False)
    assert full.value.lack is Lack.SHELF_FULL
    assert len(list(tmp_path.iterdir())) == 2


def test_two_texts_that_sound_the_same_outlive_each_other(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, files_most=2)
    shelf.open()
    same = shelf.put("a" * 64, wav(1), stays=False)
    assert shelf.put("b" * 64, wav(1), stays=True) == same
    shelf.put("c" * 64, wav(3), stays=False)
    path = shelf.path_of(same)
    assert path is not None
    assert path.read_bytes() == wav(1)


def test_what_lies_on_the_disk_is_taken_up_again_and_what_is_spoiled_goes(tmp_path: Path) -> None:
    first = Shelf(tmp_path)
    first.open()
    sha256 = first.put("a" * 64, wav(1), stays=True)
    spoiled = first.put("b" * 64, wav(2), stays=True)
    path = first.path_of(spoiled)
    assert path is not None
    path.write_bytes(wav(3))
    (tmp_path / "half.part").write_bytes(b"RIFF")
    again = Shelf(tmp_path)
    again.open()
    assert (again.find("a" * 64), again.find("b" * 64)) == (sha256, None)
    assert again.spoiled == 2
    assert len(list(tmp_path.iterdir())) == 1


class Studio:
    """Renders a beep in place of words, when it is let; the synthesiser's part, as it is or fails."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.lack: Lack | None = None
        self.made: list[Spoken] = []

    def __call__(self, words: Spoken) -> bytes:
        assert self.may.wait(30)
        self.made.append(words)
        if self.lack is not None:
            raise LackError(self.lack, "as the test asks")
        return as_wav(attention(words.tone)) + words.zh.encode()


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def voice(tmp_path: Path, studio: Studio) -> Iterator[Voice]:
    made = Voice(Shelf(tmp_path / "recordings"), BASE, rendering=studio)
    made.start()
    try:
        yield made
    finally:
        studio.may.set()
        made.stop()


def test_an_order_never_waits_and_the_next_one_has_its_recording(
    voice: Voice, studio: Studio
) -> None:
    studio.may.clear()
    assert voice.audio_of(show()) is None
    assert voice.lacks() == {"not_ready": 1}
    waiting = voice.prepare(spoken_of(show()))
    assert not settled([waiting], 0.01)
    studio.may.set()
    assert settled([waiting], 30)
    address = voice.audio_of(show())
    assert address is not None
    path = voice.shelf.path_of(hash_of_address(address) or "")
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hash_of_address(address)
    assert voice.lacks() == {"not_ready": 1}
    assert len(studio.made) == 1, "asked for twice, rendered once"


def test_typed_words_come_before_plans_and_exercises_last(voice: Voice, studio: Studio) -> None:
    studio.may.clear()
    plan, drill, typed = say("甲"), say("乙"), say("丙")
    begun = voice.prepare(say("丁"))
    wanted = [*voice.keep([drill], last=True), *voice.keep([plan]), voice.prepare(typed), begun]
    studio.may.set()
    assert settled(wanted, 30)
    order = [words.zh for words in studio.made if words.zh != "丁"]
    assert order == ["丙", "甲", "乙"]


def test_a_lack_is_said_once_counted_each_time_and_over_when_it_is_over(
    voice: Voice, studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    studio.lack = Lack.NO_SYNTHESISER
    for words in (say("甲"), say("乙"), spoken_of(show())):
        assert settled([voice.prepare(words)], 30)
    assert voice.audio_of(show()) is None
    assert settled([voice.prepare(spoken_of(show()))], 30)
    assert voice.audio_of(show()) is None
    assert voice.lacks() == {"no_synthesiser": 2}
    said = [record for record in caplog.records if "only play" in record.message]
    assert len(said) == 1
    studio.lack = None
    assert settled([voice.prepare(spoken_of(show()))], 30)
    assert voice.audio_of(show()) is not None
    assert [r.message for r in caplog.records if "again" in r.message] == [
        "recordings are rendered again, after: no_synthesiser"
    ]


def test_a_folder_that_cannot_be_written_is_a_lack_and_no_crash(
    tmp_path: Path, studio: Studio
) -> None:
    (tmp_path / "recordings").write_text("a file where the folder should be")
    voice = Voice(Shelf(tmp_path / "recordings"), BASE, rendering=studio)
    voice.start()
    assert settled([voice.prepare(spoken_of(show()))], 30)
    assert voice.audio_of(show()) is None
    assert voice.lacks() == {"disk": 1}
    voice.stop()


def test_a_voice_that_stops_leaves_nobody_waiting(voice: Voice, studio: Studio) -> None:
    studio.may.clear()
    waiting = [voice.prepare(say(letter)) for letter in "甲乙丙"]
    stopping = threading.Thread(target=voice.stop)
    stopping.start()
    studio.may.set()
    stopping.join(30)
    assert settled(waiting, 30)
    assert len(studio.made) <= 1 + 2
