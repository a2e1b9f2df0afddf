"""The player of a terminal that only plays: it fetches a recording, and trusts nothing about it."""

from __future__ import annotations

import hashlib
import io
import wave
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import numpy as np

from model.recordings import BYTES_MOST, hash_of_address

ANSWER_WITHIN_S = 5.0
QUIETEST = 100
"""The loudest sample of a recording with anything in it is above this, of 32,767."""


class SoundFault(StrEnum):
    """Why nothing was played: the reason of the terminal's `failed`."""

    NO_AUDIO = "no_audio"
    ADDRESS_WRONG = "audio_address_wrong"
    UNREACHABLE = "audio_unreachable"
    MISSING = "audio_missing"
    TOO_LARGE = "audio_too_large"
    ALTERED = "audio_altered"
    NOT_WAV = "audio_not_wav"
    SILENT = "audio_silent"


def fetch(address: str) -> bytes | SoundFault:
    """A recording's bytes. Follows no redirection: the signed address is the one that is meant."""
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN_S)
    except ValueError:
        return SoundFault.ADDRESS_WRONG
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != 200:
            return SoundFault.MISSING
        body = answer.read(BYTES_MOST + 1)
    except (OSError, HTTPException):
        return SoundFault.UNREACHABLE
    except ValueError:
        return SoundFault.ADDRESS_WRONG
    finally:
        connection.close()
    return SoundFault.TOO_LARGE if len(body) > BYTES_MOST else body


def playable_s(address: str, wav: bytes) -> float | SoundFault:
    """How long a recording plays, seconds; or why it must not be played."""
    if hashlib.sha256(wav).hexdigest() != hash_of_address(address):
        return SoundFault.ALTERED
    try:
        with wave.open(io.BytesIO(wav)) as file:
            frames, rate_hz, width = file.getnframes(), file.getframerate(), file.getsampwidth()
            sound = file.readframes(frames)
    except (wave.Error, EOFError):
        return SoundFault.NOT_WAV
    if width != 2 or rate_hz <= 0 or len(sound) != frames * 2:
        return SoundFault.NOT_WAV
    samples = np.frombuffer(sound, dtype="<i2").astype(np.int32)
    loudest = int(np.max(np.abs(samples), initial=0))
    return frames / rate_hz if loudest > QUIETEST else SoundFault.SILENT
