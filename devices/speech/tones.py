"""The attention tone: a sine at a stated pitch, once to three times by how earnest it is.

880 Hz carries over a crowd and over traffic, and comes out of small horns; the all-clear and an
exercise have 440 Hz, so that nobody takes them for a warning before a word is said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.speech.words import Tone

RATE_HZ = 22_050
LOUDNESS = 0.6
BEEP_S = 0.4
PAUSE_S = 0.2
FADE_S = 0.02
"""Without it the loudspeaker clicks."""

PITCH_HZ = {Tone.CALM: 440.0, Tone.NOTICE: 880.0, Tone.WARNING: 880.0, Tone.DANGER: 880.0}
BEEPS = {Tone.CALM: 1, Tone.NOTICE: 1, Tone.WARNING: 2, Tone.DANGER: 3}

Samples = NDArray[np.float64]
"""Sound between -1 and 1, one channel, `RATE_HZ` samples a second."""


def silence(seconds: float) -> Samples:
    """Nothing, for so long."""
    return np.zeros(round(seconds * RATE_HZ))


def attention(tone: Tone) -> Samples:
    """The beeps of a tone, each followed by its pause."""
    moments = np.arange(round(BEEP_S * RATE_HZ)) / RATE_HZ
    edge = np.minimum(moments, BEEP_S - moments) / FADE_S
    beep = LOUDNESS * np.sin(2 * np.pi * PITCH_HZ[tone] * moments) * np.clip(edge, 0.0, 1.0)
    return np.concatenate([beep, silence(PAUSE_S)] * BEEPS[tone])
