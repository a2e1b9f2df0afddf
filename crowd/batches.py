"""Training batches: crops drawn ahead by one thread, each decided by seed and step alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from crowd.augmentation import Recipe, density_target, draw_crop, paste, vary
from crowd.pictures import read_picture
from crowd.stills import Still

_BATCHES_AHEAD: Final = 3

Batch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
# What 256 x 256 pixels of a 1024 x 768 picture hold of it, and how many people an error is always measured against.
_CROP_SHARE: Final = 1 / 12
_PEOPLE_AT_LEAST: Final = 8
_WEIGHT_POWER: Final = -0.25


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A still kept in memory as pixels.

    `share` is how often it is drawn against others, `vary` how many times as much it is changed: pictures of
    which there are few are learned by heart unless they never come twice alike.
    """

    picture: NDArray[np.uint8]
    heads: NDArray[np.float32]
    share: float = 1.0
    vary: float = 1.0

    @property
    def weight(self) -> float:
        """How much an error in one of its crops counts: the less, the more people the picture holds.

        By the picture and never by the crop: weighing dense crops of a picture less than its sparse ones
        teaches to count too low wherever the network is unsure.
        """
        expected = len(self.heads) * _CROP_SHARE + _PEOPLE_AT_LEAST
        return float(expected**_WEIGHT_POWER)


def read_sample(still: Still, *, share: float = 1.0, vary: float = 1.0) -> Sample:
    """Reads the picture of a still."""
    return Sample(picture=read_picture(still.path), heads=still.heads, share=share, vary=vary)


def batches(
    samples: Sequence[Sample],
    recipe: Recipe,
    *,
    size: int,
    seed: int,
    steps: range,
) -> Iterator[Batch]:
    """Pictures (uint8, size x side x side x 3), people per quarter of a cell and weights for every step of the range.

    At most three batches wait; when they do, drawing pauses. A failure to draw is raised here.
    """
    ready: queue.Queue[Batch | Exception] = queue.Queue(_BATCHES_AHEAD)
    stop = threading.Event()

    def put(item: Batch | Exception) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=1)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for step in steps:
                if stop.is_set():
                    return
                put(draw_batch(samples, recipe, size=size, seed=seed, step=step))
        except Exception as error:  # noqa: BLE001  # handed to the consumer, which raises it
            put(error)

    thread = threading.Thread(target=fill, name="training-crops", daemon=True)
    thread.start()
    try:
        for _ in steps:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def draw_batch(
    samples: Sequence[Sample], recipe: Recipe, *, size: int, seed: int, step: int
) -> Batch:
    """The crops of one step."""
    random = np.random.default_rng((seed, step))
    crops: list[tuple[Any, Any]] = []
    weights: list[float] = []
    shares = np.array([sample.share for sample in samples])
    for index in random.choice(len(samples), size=size, p=shares / shares.sum()):
        sample = samples[index]
        crops.append(draw_crop(sample.picture, sample.heads, vary(recipe, sample.vary), random))
        weights.append(sample.weight)
    order = random.permutation(size)
    pasted = random.random(size) < recipe.paste_share
    crops = [
        paste(crop, crops[order[place]], random) if pasted[place] else crop
        for place, crop in enumerate(crops)
    ]
    pictures = np.stack([crop for crop, _ in crops])
    targets = np.stack([density_target(points, recipe.crop_px) for _, points in crops])
    return pictures, targets, np.array(weights, np.float32)
