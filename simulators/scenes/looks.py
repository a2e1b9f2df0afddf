"""What the people of a scene wear: colours (BGR) and shapes, drawn by lot from a person's number."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simulators.scenes.viewpoint import Floats

SHIRTS = np.array(
    [
        (236, 236, 238), (225, 228, 230), (214, 212, 205), (24, 22, 22), (34, 31, 30), (48, 44, 42),
        (96, 62, 40), (120, 74, 46), (150, 104, 66), (70, 48, 36), (46, 38, 176), (58, 44, 205),
        (150, 120, 222), (190, 160, 230), (60, 190, 226), (72, 120, 60), (96, 150, 110),
        (120, 124, 128), (150, 152, 156), (170, 190, 208), (60, 84, 120), (196, 150, 96),
    ],
    dtype=np.float64,
)  # fmt: skip
COATS = np.array(
    [
        (30, 28, 28), (42, 40, 40), (60, 52, 48), (74, 50, 34), (40, 34, 110), (56, 70, 92),
        (96, 98, 104), (200, 202, 206), (46, 40, 150), (84, 92, 70), (120, 150, 178),
    ],
    dtype=np.float64,
)  # fmt: skip
TROUSERS = np.array(
    [
        (30, 28, 28), (44, 40, 38), (88, 60, 42), (112, 82, 58), (140, 112, 84), (70, 66, 64),
        (110, 126, 140), (160, 176, 188), (60, 66, 80), (196, 198, 200),
    ],
    dtype=np.float64,
)  # fmt: skip
SKINS = np.array(
    [(132, 166, 214), (118, 152, 204), (146, 180, 224), (96, 128, 182)], dtype=np.float64
)
HAIRS = np.array(
    [(20, 18, 18), (24, 22, 22), (30, 28, 30), (28, 30, 38), (34, 42, 60), (104, 106, 110)],
    dtype=np.float64,
)
HATS = np.array(
    [(220, 224, 226), (40, 40, 170), (70, 60, 50), (120, 190, 214), (30, 30, 34)], dtype=np.float64
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Arrays over people. Colours (N, 3) BGR 0..255; the rest (N,)."""

    height_m: Floats
    girth: Floats
    shirt: Floats
    trousers: Floats
    skin: Floats
    hair: Floats
    bag: Floats
    bare_arms: NDArray[np.bool_]
    skirt: NDArray[np.bool_]
    long_hair: NDArray[np.bool_]
    hat: NDArray[np.bool_]
    backpack: NDArray[np.bool_]
    striped: NDArray[np.bool_]
    arms_up: NDArray[np.bool_]

    def of(self, index: NDArray[np.int64]) -> "Looks":
        """The looks of some of them, by index."""
        return Looks(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def looks_by_number(who: NDArray[np.int64], *, cold: bool) -> Looks:
    """Looks for each person's number; the same number always looks the same.

    `cold` dresses people in coats of darker colours, with long sleeves and more hats.
    """
    lot = np.empty((len(who), 24))
    for row, number in enumerate(who):
        lot[row] = np.random.default_rng(int(number)).random(24)

    def pick(table: Floats, column: int) -> Floats:
        chosen = table[(lot[:, column] * len(table)).astype(np.int64)]
        light = 0.8 + 0.35 * lot[:, column + 1 : column + 2]
        grey = chosen.mean(axis=1, keepdims=True)
        chosen = grey + (chosen - grey) * (0.45 + 0.5 * lot[:, 19 - column : 20 - column])
        worn: Floats = np.clip(chosen * light + (lot[:, 20:23] - 0.5) * 14, 4, 250)
        return worn

    woman = lot[:, 8] < 0.5
    hat = lot[:, 9] < (0.16 if cold else 0.08)
    return Looks(
        height_m=np.where(
            lot[:, 23] < 0.06,
            1.05 + 0.3 * lot[:, 10],
            np.where(woman, 1.62, 1.72) + 0.14 * (lot[:, 10] - 0.5),
        ),
        girth=0.9 + 0.25 * lot[:, 11] + (0.12 if cold else 0.0),
        shirt=pick(COATS if cold else SHIRTS, 0),
        trousers=pick(TROUSERS, 2),
        skin=pick(SKINS, 4),
        hair=np.where(hat[:, None], pick(HATS, 6), np.clip(pick(HAIRS, 6), 12, 120)),
        bag=pick(COATS, 12),
        bare_arms=(lot[:, 14] < 0.7) & (not cold),
        skirt=woman & (lot[:, 15] < (0.1 if cold else 0.28)),
        long_hair=woman & (lot[:, 16] < 0.65),
        hat=hat,
        backpack=lot[:, 17] < 0.2,
        striped=(lot[:, 18] < 0.12) & (not cold),
        arms_up=lot[:, 19] < 0.07,
    )
