"""What a model file says about itself: its name, and how wide its bounds must be."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

NAME_KEY: Final = "yinding.model"
BOUNDS_KEY: Final = "yinding.bounds"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How far the truth may lie from a count: people, plus shares of the count and of the doubt.

    low = count - below_people - below_count x count - below_doubt x doubt, never under 0; high likewise.
    `below_dense` and `above_dense` are shares of what the count exceeds `dense_from` by: beyond that a
    crowd stands so close that networks err more, and mostly count too low. The defaults are wide on
    purpose: a file that was never calibrated must not look sure.
    """

    below_people: float = 3.0
    below_count: float = 0.5
    below_doubt: float = 0.0
    below_dense: float = 0.0
    above_people: float = 3.0
    above_count: float = 0.8
    above_doubt: float = 0.0
    above_dense: float = 0.0
    dense_from: float = 100.0

    def around(self, count: float, doubt: float) -> tuple[float, float]:
        """(low, high) for one count."""
        dense = max(0.0, count - self.dense_from)
        below = self.below_people + self.below_count * count + self.below_doubt * doubt
        above = self.above_people + self.above_count * count + self.above_doubt * doubt
        low = count - below - self.below_dense * dense
        return max(0.0, low), count + above + self.above_dense * dense


def bounds_to_text(bounds: Bounds) -> str:
    return msgspec.json.encode(bounds).decode()


def bounds_from_text(text: str) -> Bounds:
    return msgspec.json.decode(text, type=Bounds)


def fingerprint(file: Path) -> str:
    """What tells one training's file from the next of the same name: eight digits of its SHA-256.

    A correction learned from what one counted is none for what the other counts.
    """
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def shipped(model: str) -> Path:
    """The file of a shipped model: `small` or `full`, with `-fp32` for full precision."""
    return Path(str(resources.files("crowd") / "weights" / f"{model}.onnx"))
