"""How cameras usually hang, which is known before anything is marked in their picture.

Marks leave a camera's lens and height more or less open; what is usual decides between cameras that
explain them alike. A hanging is told as (log focal length in pixels, pitch, log mast in metres, roll).
"""

from __future__ import annotations

from math import exp, log, radians
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.pinhole import HEAD_HEIGHT_M

Floats = NDArray[np.float64]

MARK_SHARE: Final = 1 / 640
"""How exactly a place is marked, as a share of the picture's width (standard deviation)."""

LOWEST_MAST_M: Final = 2.4
"""A camera that hangs lower looks people in the face: no ground can be told from their heads."""

AREA_ERROR_MOST: Final = 0.25
"""Marks that leave the ground's areas more open than this (standard deviation) are refused."""

USUAL_FOCAL_OF_WIDTH: Final = 0.8
USUAL_PITCH: Final = radians(30)
USUAL_MAST_M: Final = 5.5
FOCAL_LOG_SPREAD: Final = 0.5
PITCH_SPREAD: Final = radians(40)
MAST_LOG_SPREAD: Final = 0.6
ROLL_SPREAD: Final = radians(1.5)


def log_area_under_heads(hanging: Floats, low: Floats, high: Floats) -> float:
    """The logarithm of the area of ground (m²) under heads in a rectangle of the picture.

    `low` and `high` are its corners in pixels from the picture's middle. Where people stand goes by
    the height over their heads.
    """
    focal = exp(hanging[0])
    columns, rows = np.meshgrid(*np.linspace(low, high, 9).T)
    level = rows * np.cos(hanging[3]) - columns * np.sin(hanging[3])
    down = np.sin(hanging[1]) * focal + np.cos(hanging[1]) * level
    # Ground at the horizon would outweigh all other; where people stand that far off, it counts.
    near = down > min(0.05 * focal, 0.5 * down.max())
    over_heads_m = exp(hanging[2]) - HEAD_HEIGHT_M
    return float(2 * log(over_heads_m) + log(focal) + np.log((1 / down[near] ** 3).sum()))
