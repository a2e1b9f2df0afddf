"""A camera's own correction: what marked pictures teach, how boldly, and that the map follows."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowd.analyst import Analyst
from crowd.band_correction import BANDS, BandCorrection, bands_of_heads, learn, learn_totals
from crowd.corrected_estimator import (
    CorrectedEstimator,
    CorrectionError,
    learn_correction,
    read_correction,
    write_correction,
)
from crowd.estimator import Estimator
from crowd.stills import Still
from model.facts import DensityLive
from model.picture import Picture
from tests.crowd.test_sight import street


@cache
def small() -> Estimator:
    return Estimator("small")


def crowds(pictures: int, seed: int = 1) -> Any:
    """True people in each band of some pictures: few far away, more near, more or less of them."""
    random = np.random.default_rng(seed)
    busy = random.uniform(0.4, 1.6, (pictures, 1))
    return random.poisson(busy * (2, 9, 12, 7)).astype(np.float64)


def off(correction: BandCorrection, counted: Any, true: Any) -> float:
    error = correction.people(counted).sum(axis=1) - true.sum(axis=1)
    return float(np.abs(error).mean())


def test_far_people_missed_and_near_ones_doubled_are_put_right_by_band() -> None:
    wrong = np.array([0.3, 0.8, 1.1, 2.0])
    marked, later = crowds(10), crowds(200, seed=2)
    random = np.random.default_rng(3)
    counted = marked * wrong + random.normal(0, 0.5, marked.shape)
    correction = learn(counted, marked, model="m")
    ratio = marked.sum() / counted.sum()
    by_ratio = float(np.abs((later * wrong).sum(1) * ratio - later.sum(1)).mean())
    assert off(correction, later * wrong, later) < 0.5 * by_ratio


def test_a_pot_plant_that_is_always_counted_is_taken_off() -> None:
    marked, later = crowds(10), crowds(200, seed=2)
    plant = np.array([0.0, 4.0, 0.0, 0.0])
    correction = learn(marked + plant, marked, model="m")
    assert off(correction, later + plant, later) < 1.5


def test_counts_that_are_right_already_are_left_alone() -> None:
    marked, later = crowds(10), crowds(200, seed=2)
    random = np.random.default_rng(4)

    def seen(true: Any) -> Any:
        return np.maximum(true + random.normal(0, 1.0, true.shape), 0)

    counted = seen(later)
    correction = learn(seen(marked), marked, model="m")
    assert off(correction, counted, later) < 1.15 * float(np.abs((counted - later).sum(1)).mean())


def test_bounds_hold_nine_in_ten_on_later_pictures() -> None:
    held = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        marked, later = crowds(10, seed=seed), crowds(60, seed=seed + 100)

        def seen(true: Any, random: Any = random) -> Any:
            return np.maximum(0.8 * true + random.normal(0, 1.5, true.shape), 0)

        correction = learn(seen(marked), marked, model="m")
        for people, true in zip(correction.people(seen(later)).sum(1), later.sum(1), strict=True):
            low, high = correction.around(float(people), before=(1, 1, 1))
            held.append(low <= true <= high)
    assert np.mean(held) >= 0.87


def test_one_marked_picture_only_scales_and_moves_the_bounds_along() -> None:
    marked = np.array([[2.0, 6.0, 8.0, 4.0]])
    correction = learn(marked / 2, marked, model="m")
    count = float(correction.people(marked[0] / 2).sum())
    assert count == pytest.approx(20, rel=0.1)
    assert correction.around(20.0, before=(10.0, 8.0, 14.0)) == pytest.approx((16.0, 28.0))


def test_totals_of_a_camera_that_sees_half_of_the_people_double_its_count() -> None:
    marked = [20, 30, 40, 25, 35, 28, 22, 31, 38, 27]
    correction = learn_totals([one / 2 for one in marked], marked, model="m")
    people = float(correction.people(np.array([15.0])).sum())
    assert people == pytest.approx(30, abs=0.5)
    low, high = correction.around(people, before=(15, 10, 20))
    assert low <= people <= high


def test_totals_of_pictures_in_which_nobody_was_counted_shift() -> None:
    correction = learn_totals([0.0, 0.0, 0.0], [2, 2, 2], model="m")
    assert float(correction.people(np.array([0.0])).sum()) == pytest.approx(2.0, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(
    counted=st.lists(st.floats(0, 2000), min_size=1, max_size=12),
    ratio=st.floats(0.2, 5),
    new=st.floats(0, 3000),
)
def test_totals_never_give_negative_people_nor_bounds_in_disorder(
    counted: list[float], ratio: float, new: float
) -> None:
    correction = learn_totals(counted, [round(one * ratio) for one in counted], model="m")
    people = float(correction.people(np.array([new])).sum())
    low, high = correction.around(people, before=(new, new / 2, new * 2))
    assert 0 <= low <= people <= high


numbers = st.lists(
    st.lists(st.floats(0, 500), min_size=BANDS, max_size=BANDS), min_size=1, max_size=6
)


@settings(max_examples=25, deadline=None)
@given(
    counted=numbers,
    ratio=st.floats(0.2, 5),
    new=st.lists(st.floats(0, 900), min_size=4, max_size=4),
)
def test_a_correction_never_gives_negative_people_nor_bounds_in_disorder(
    counted: list[list[float]], ratio: float, new: list[float]
) -> None:
    seen = np.array(counted)
    correction = learn(seen, np.round(seen * ratio), model="m")
    people = correction.people(np.array(new))
    assert (people >= 0).all()
    total = float(people.sum())
    low, high = correction.around(total, before=(total, total / 2, total * 2))
    assert 0 <= low <= total <= high


def plain(**how: Any) -> BandCorrection:
    given_ = {"slopes": (1.0,) * BANDS, "offsets": (0.0,) * BANDS}
    rest = {"spread": 1.0, "reach": 1.8, "pictures": 10, "model": small().model}
    return BandCorrection(**{**given_, **rest, **how})


def test_the_corrected_map_sums_to_the_corrected_count() -> None:
    picture = street()
    before = small().estimate(picture)
    offsets = (0.0, 3.0, 5.0, 0.0)
    correction = plain(offsets=offsets, scales=(1.0,))
    found = CorrectedEstimator(small(), correction).estimate(picture)
    assert found.count == pytest.approx(before.count + 8, abs=0.01)
    assert float(found.density.sum(dtype=np.float64)) == pytest.approx(found.count)
    assert found.count_low <= found.count <= found.count_high
    assert (found.density >= 0).all()


def test_totals_correct_the_map_and_keep_what_the_network_counted() -> None:
    picture = street()
    before = small().estimate(picture)
    correction = plain(slopes=(2.0,), offsets=(6.0,), scales=(1.0,))
    found = CorrectedEstimator(small(), correction).estimate(picture)
    assert found.count == pytest.approx(2 * before.count + 6, abs=0.01)
    assert float(found.density.sum(dtype=np.float64)) == pytest.approx(found.count)
    assert found.uncorrected is not None
    assert found.uncorrected.count == before.count


def test_a_reading_is_corrected_and_its_still_keeps_what_the_network_counted() -> None:
    pixels = street()
    picture = Picture(
        camera="a", at=datetime(2026, 2, 14, tzinfo=UTC), arrived_monotonic_s=1.0, pixels=pixels
    )
    correction = plain(offsets=(0.0, 3.0, 5.0, 0.0), scales=(1.0,))
    corrected = CorrectedEstimator(small(), correction)
    analyst = Analyst("a", ground=None, started_s=0.0)
    reading = analyst.read(picture, corrected)
    counted = small().estimate(pixels).count
    assert isinstance(reading, DensityLive)
    assert reading.count == pytest.approx(counted + 8, abs=0.02)
    still = analyst.still()
    assert still is not None
    assert still.count == pytest.approx(counted, abs=0.1)


def test_an_untaught_correction_changes_an_empty_street_little() -> None:
    picture = street()
    found = CorrectedEstimator(small(), plain()).estimate(picture)
    assert found.count == pytest.approx(small().estimate(picture).count, abs=0.5)


def test_a_correction_for_another_network_is_refused() -> None:
    with pytest.raises(CorrectionError, match="learned for other-int8"):
        CorrectedEstimator(small(), plain(model="other-int8"))


def test_it_is_learned_from_pictures_kept_in_a_file_and_read_again(tmp_path: Path) -> None:
    stills = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), street(seed=number))
        heads = np.full((4, 2), 100.0 + number, np.float32)
        stills.append(Still(name=path.name, path=path, heads=heads))
    correction = learn_correction(stills, small())
    assert correction.pictures == 3
    found = CorrectedEstimator(small(), correction).estimate(street(seed=9))
    assert found.count == pytest.approx(4, abs=2)
    write_correction(tmp_path / "c.json", correction)
    assert read_correction(tmp_path / "c.json") == correction


@pytest.mark.parametrize(
    "change",
    [
        {"slopes": (1.0,)},
        {"scales": (0.5,)},
        {"offsets": (0.0,) * 5},
        {"spread": -1.0},
        {"unknown": 1},
        {"reach": "x"},
    ],
    ids=str,
)
def test_a_file_that_no_learning_wrote_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(plain()), **change}))
    with pytest.raises(CorrectionError, match="no correction"):
        read_correction(path)


def test_heads_are_sorted_into_bands_from_top_to_bottom() -> None:
    heads = np.array([[5, 0], [5, 119.9], [5, 120], [5, 500]], np.float32)
    assert bands_of_heads(heads, 480).tolist() == [2, 1, 0, 1]
