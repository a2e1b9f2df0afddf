"""Words to sound: espeak-ng as a program of its own, then one WAV of tone and words.

The synthesiser is a process, so that whatever a text makes it do ends with it. It reads the text
from its standard input, never as an argument and never as markup.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
import threading
import time
import wave
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np

from devices.speech.tones import RATE_HZ, Samples, attention, silence
from devices.speech.words import Spoken
from model.recordings import BYTES_MOST

PROGRAM = "espeak-ng"
WORDS_P_MIN = 150
WITHIN_S = 10.0
LOOK_EVERY_S = 0.1
"""So often it is seen whether the service stops while the synthesiser works."""
PEAK = 0.9
BETWEEN_S = 0.5
FAINTEST_RMS = 0.01
"""Of full scale. A voice that lacks its dictionary gives a file that is all silence."""

_VOICES = {"zh": "cmn", "en": "en-gb"}
_NOT_SAID = re.compile(r"[\x00-\x1f\x7f\[\]【】]+")
"""Marks that are seen and not spoken; `[[` would begin phonemes."""


class Lack(StrEnum):
    """Why an order went out without its recording."""

    NO_SYNTHESISER = "no_synthesiser"
    SYNTHESIS_FAILED = "synthesis_failed"
    NO_SOUND = "no_sound"
    TOO_LONG = "too_long"
    SHELF_FULL = "shelf_full"
    DISK = "disk"
    BUSY = "busy"
    NOT_READY = "not_ready"


class LackError(Exception):
    """A text could not be rendered; `lack` names why."""

    def __init__(self, lack: Lack, detail: str) -> None:
        super().__init__(detail)
        self.lack = lack


Find = Callable[[], str | None]
"""Finds the synthesiser's program."""


def find_program() -> str | None:
    """Where espeak-ng is on this machine, or none."""
    return shutil.which(PROGRAM)


def render(
    spoken: Spoken, find: Find = find_program, *, stopping: threading.Event | None = None
) -> bytes:
    """One recording as WAV: the tone, the Chinese words, the English words. Raises LackError.

    Where `stopping` is set meanwhile, the synthesiser is ended and there is no recording.
    """
    program = find()
    if program is None:
        raise LackError(Lack.NO_SYNTHESISER, f"there is no {PROGRAM} on this machine")
    parts = [attention(spoken.tone)]
    for language, text in (("zh", spoken.zh), ("en", spoken.en)):
        words = _NOT_SAID.sub(" ", text).strip()
        if words:
            parts += [_say(program, _VOICES[language], words, stopping), silence(BETWEEN_S)]
    if len(parts) == 1:
        raise LackError(Lack.NO_SOUND, "the message has no words")
    return as_wav(np.concatenate(parts))


def as_wav(sound: Samples) -> bytes:
    """Sound as 16-bit PCM, one channel: what every player knows. Raises LackError."""
    samples = np.round(np.clip(sound, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    if len(samples) + 44 > BYTES_MOST:
        seconds = len(sound) / RATE_HZ
        raise LackError(Lack.TOO_LONG, f"{seconds:.0f} s of words are more than a message")
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples)
    return whole.getvalue()


def _say(program: str, voice: str, words: str, stopping: threading.Event | None = None) -> Samples:
    try:
        with tempfile.TemporaryDirectory(prefix="yinding-speech-") as folder:
            path = Path(folder) / "words.wav"
            command = [program, "-v", voice, "-s", str(WORDS_P_MIN), "-b", "1", "--stdin"]
            code, said = _run([*command, "-w", str(path)], words, stopping)
            if code != 0:
                raise LackError(Lack.SYNTHESIS_FAILED, f"{PROGRAM} ends with {code}: {said}")
            return _loud_enough(_read(path), voice)
    except (OSError, subprocess.SubprocessError) as error:
        raise LackError(Lack.SYNTHESIS_FAILED, f"{PROGRAM}: {error}") from error


def _run(command: list[str], words: str, stopping: threading.Event | None) -> tuple[int, str]:
    """The program's exit code and what it complained of; it is killed when late or no longer wanted."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + WITHIN_S
    with process:
        said: bytes | None = None
        given: bytes | None = words.encode()
        while said is None:
            try:
                _, said = process.communicate(given, timeout=LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                given = None
                stopped = stopping is not None and stopping.is_set()
                if stopped or time.monotonic() > deadline:
                    process.kill()
                    why = "the service stops" if stopped else f"no end within {WITHIN_S:g} s"
                    raise LackError(Lack.SYNTHESIS_FAILED, f"{PROGRAM}: {why}") from None
    return process.returncode, said.decode(errors="replace").strip()[:200]


def _read(path: Path) -> Samples:
    try:
        if path.stat().st_size > BYTES_MOST:
            raise LackError(Lack.TOO_LONG, "the words are longer than a message")
        with wave.open(str(path), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            wanted = file.getnframes() * file.getsampwidth() * file.getnchannels()
            frames = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise LackError(Lack.SYNTHESIS_FAILED, f"{PROGRAM} wrote no WAV: {error}") from error
    if form != (1, 2, RATE_HZ):
        raise LackError(Lack.SYNTHESIS_FAILED, f"{PROGRAM} wrote {form}, not one channel of 16 bit")
    if len(frames) != wanted:
        what = f"{PROGRAM} wrote {len(frames)} of {wanted} bytes of sound"
        raise LackError(Lack.SYNTHESIS_FAILED, what)
    return np.frombuffer(frames, dtype="<i2").astype(np.float64) / 32_768


def _loud_enough(sound: Samples, voice: str) -> Samples:
    """The words at full loudness: the terminal's own volume says how loud they are."""
    loudness = float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0
    if loudness < FAINTEST_RMS:
        raise LackError(Lack.NO_SOUND, f"the voice {voice} says nothing")
    return sound * (PEAK / float(np.max(np.abs(sound))))
