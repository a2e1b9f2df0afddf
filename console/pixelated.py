"""Pictures that leave the room: made coarse wherever people were counted, so that no face is left.

No face is looked for: the density that was counted anyway says where heads may be. Where nothing
was counted, or the picture belongs to a blind camera, the whole of it is made coarse.
"""

from __future__ import annotations

import cv2
import numpy as np

from console.photographs import PictureError, PictureFault, encode
from console.ports import Still

BLOCKS_A_HEIGHT = 24
"""A block is a 24th of the picture's height: a head of up to twice that is four flat squares."""
NOBODY_BELOW = 0
"""Cells above this level hold part of a person, however small."""


def pixelate(still: Still) -> bytes:
    """The still as JPEG with every cell that may hold part of a person made coarse."""
    picture = cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureError(PictureFault.NOT_A_PICTURE)
    height, width = picture.shape[:2]
    side = max(4, height // BLOCKS_A_HEIGHT)
    across, down = -(-width // side), -(-height // side)
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    if not still.cells or still.count is None:
        return encode(coarse)
    cells = np.frombuffer(still.cells, np.uint8).reshape(still.rows, still.columns)
    peopled = np.where(cells > NOBODY_BELOW, 255, 0).astype(np.uint8)
    mask = cv2.resize(peopled, (width, height), interpolation=cv2.INTER_NEAREST)
    # A head reaches beyond the cell that its middle is counted in.
    mask = cv2.dilate(mask, np.ones((2 * side + 1, 2 * side + 1), np.uint8))
    return encode(np.where(mask[:, :, None] > 0, coarse, picture))
