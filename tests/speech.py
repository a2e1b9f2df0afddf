"""The speech synthesiser of this machine, and what can be heard in a WAV."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from devices.speech.synthesis import PROGRAM, find_program
from devices.speech.tones import Samples

needs_espeak = pytest.mark.skipif(
    find_program() is None,
    reason=f"there is no {PROGRAM}: sh deploy/setup.sh --with-test-programs installs it",
)


def heard_in(wav: bytes) -> tuple[Samples, int]:
    """The sound of a WAV between -1 and 1, and its samples a second."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = file.readframes(file.getnframes())
        assert len(frames) == 2 * file.getnframes()
        return np.frombuffer(frames, "<i2").astype(np.float64) / 32_768, file.getframerate()


def rms(sound: Samples) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def pitch_hz(sound: Samples, rate_hz: int) -> float:
    """The strongest frequency, to the resolution of the piece."""
    strength = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(strength)) * rate_hz / len(sound)
