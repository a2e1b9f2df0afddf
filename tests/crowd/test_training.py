"""Training crops and targets hold everyone once; a run repeats by its seed and resumes (needs PyTorch)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from crowd.augmentation import Recipe, density_target, draw_crop, paste, vary
from crowd.batches import Sample, batches, draw_batch
from crowd.bounds import Trial, fit, holds, trials
from crowd.estimator import Estimator
from crowd.pictures import read_picture
from crowd.stills import Still, read_folder, split
from crowd.textures import empty_picture
from crowd.weights_file import shipped

RECIPE = Recipe(crop_px=64, scale_min=0.6, scale_max=1.5)


def sample(seed: int = 1) -> Sample:
    random = np.random.default_rng(seed)
    return Sample(
        picture=random.integers(0, 256, (90, 120, 3)).astype(np.uint8),
        heads=(random.random((30, 2)) * (119, 89)).astype(np.float32),
    )


def test_the_target_holds_every_head_exactly_once_also_at_the_border() -> None:
    random = np.random.default_rng(2)
    points = np.concatenate([random.random((50, 2)) * 63.9, [[0, 0], [63.9, 63.9]]]).astype(
        np.float32
    )
    target = density_target(points, 64)
    assert target.shape == (16, 16)
    assert float(target.sum()) == pytest.approx(52, rel=1e-5)
    assert density_target(np.empty((0, 2), np.float32), 64).sum() == 0


def test_a_head_lands_in_its_own_quarter_of_a_cell() -> None:
    target = density_target(np.array([[37.5, 9.5]], np.float32), 64)
    assert int(target.argmax()) == 2 * 16 + 9


def test_crops_keep_their_size_and_their_heads_inside() -> None:
    random = np.random.default_rng(3)
    source = sample()
    for _ in range(40):
        crop, points = draw_crop(source.picture, source.heads, RECIPE, random)
        assert crop.shape == (64, 64, 3)
        assert crop.dtype == np.uint8
        assert ((points >= -1) & (points < 65)).all()


def test_a_set_that_is_varied_more_is_seen_from_farther_and_nearer() -> None:
    much = vary(RECIPE, 2.0)
    assert (much.scale_min, much.scale_max) == pytest.approx((0.36, 2.25))
    assert much.light_share == 2 * RECIPE.light_share
    assert vary(RECIPE, 1.0) == RECIPE
    heads = sample().heads
    counts = [
        len(draw_crop(sample().picture, heads, much, np.random.default_rng(seed))[1])
        for seed in range(60)
    ]
    usual = [
        len(draw_crop(sample().picture, heads, RECIPE, np.random.default_rng(seed))[1])
        for seed in range(60)
    ]
    assert np.std(counts) > np.std(usual)


def test_only_the_set_that_is_said_to_vary_is_changed_more() -> None:
    recipe = msgspec.structs.replace(RECIPE, empty_share=0.0, paste_share=0.0)
    usual, much = sample(), msgspec.structs.replace(sample(), vary=3.0)
    people = [
        [float(draw_batch([one], recipe, size=4, seed=seed, step=0)[1].sum()) for seed in range(30)]
        for one in (usual, much)
    ]
    assert np.std(people[1]) > 1.2 * np.std(people[0])


@pytest.mark.parametrize("empty_share", [0.0, 1.0])
def test_as_many_crops_as_told_have_no_colours_of_nobody_too(empty_share: float) -> None:
    """By night cameras see infrared."""
    source = sample()
    recipe = msgspec.structs.replace(RECIPE, grey_share=0.4, empty_share=empty_share)
    crops = [
        draw_crop(source.picture, source.heads, recipe, np.random.default_rng(seed))[0].astype(int)
        for seed in range(100)
    ]
    grey = [crop for crop in crops if np.ptp(crop, axis=2).max() == 0]
    assert 25 <= len(grey) <= (60 if empty_share else 55)


def test_a_part_of_another_crop_comes_with_its_heads_and_takes_the_place_of_those_beneath() -> None:
    random = np.random.default_rng(4)
    grid = (np.stack(np.meshgrid(np.arange(64), np.arange(64)), -1)).reshape(-1, 2)
    mine = (np.zeros((64, 64, 3), np.uint8), grid[::2].astype(np.float32))
    other = (np.full((64, 64, 3), 255, np.uint8), grid[1::2].astype(np.float32))
    for _ in range(20):
        picture, points = paste(mine, other, random)
        white = picture[:, :, 0] == 255
        assert 0.05 < white.mean() < 0.6
        places = points.astype(int)
        is_others = places[:, 0] % 2 == 1
        assert (white[places[:, 1], places[:, 0]] == is_others).all()
        assert len(points) == int((white == (np.arange(64) % 2 == 1)).sum())


def test_a_seed_and_a_step_decide_a_batch() -> None:
    samples = [sample(1), sample(2)]
    first = draw_batch(samples, RECIPE, size=3, seed=7, step=4)
    again = list(batches(samples, RECIPE, size=3, seed=7, steps=range(3, 5)))[1]
    other = draw_batch(samples, RECIPE, size=3, seed=8, step=4)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_a_failure_to_draw_is_raised_to_the_trainer() -> None:
    with pytest.raises(ValueError, match=r"a must be|high|low"):
        list(batches([], RECIPE, size=1, seed=1, steps=range(2)))


def test_every_kind_of_empty_picture_can_be_drawn() -> None:
    random = np.random.default_rng(4)
    for _ in range(30):
        picture = empty_picture(64, random)
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8


def test_bounds_hold_every_group_and_not_only_the_easy_one() -> None:
    random = np.random.default_rng(5)
    counted = [
        Trial(group=group, truth=truth, count=truth * factor, doubt=0.1 * truth)
        for group, spread in (("home", 0.05), ("abroad", 0.3))
        for truth in random.uniform(5, 200, 200)
        for factor in [1 + random.normal(0, spread)]
    ]
    bounds = fit(counted)
    for group in ("home", "abroad"):
        assert holds(bounds, [trial for trial in counted if trial.group == group]) >= 0.9


def test_bounds_hold_a_view_that_is_off_to_one_side_though_its_set_hides_it() -> None:
    random = np.random.default_rng(6)
    counted = [
        Trial(group="home", view=view, truth=truth, count=truth * factor, doubt=0.0)
        for view, bias in enumerate((1.0, 1.0, 1.0, 1.0, 1.0, 0.7))
        for truth in random.uniform(20, 200, 40)
        for factor in [bias + random.normal(0, 0.03)]
    ]
    assert holds(fit(counted), [trial for trial in counted if trial.view == 5]) >= 0.8


def test_a_file_learns_its_gain_from_training_pictures(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="training needs onnx")
    export = pytest.importorskip("crowd.export", reason="training needs PyTorch")
    file = tmp_path / "small.onnx"
    shutil.copy(shipped("small"), file)
    stills = read_folder(pictures(tmp_path / "street"))
    counted = [
        Estimator("small", weights=file).count_and_doubt(read_picture(s.path)) for s in stills
    ]
    gain = export.learn_gain(file, "small", stills)
    again = [Estimator("small", weights=file).count_and_doubt(read_picture(s.path)) for s in stills]
    wanted = np.median(
        [s.count / max(1.0, n) for s, (n, _) in zip(stills, counted, strict=True)][::3]
    )
    assert gain == pytest.approx(float(np.clip(wanted, 0.8, 1.25)))
    assert gain != pytest.approx(1.0)
    assert np.array(again) == pytest.approx(gain * np.array(counted), rel=1e-4)


def pictures(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = ["image,x,y"]
    for index in range(12):
        source = sample(index)
        cv2.imwrite(str(folder / "images" / f"{index:03}.png"), source.picture)
        rows += [f"{index:03}.png,{x:.1f},{y:.1f}" for x, y in source.heads]
    (folder / "heads.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_a_run_repeats_by_its_seed_and_resumes_to_the_same_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    training = pytest.importorskip("crowd.training", reason="training needs PyTorch")
    parts = {"stills": split(read_folder(pictures(tmp_path / "stills")))}
    plan = training.Plan(
        model="small", steps=4, batch=2, crop_px=64, validate_every=2, warm_up_steps=1
    )
    whole = training.load_averaged(training.train(plan, parts, tmp_path / "whole"))[1].state_dict()

    def interrupt(_: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        training.train(plan, parts, tmp_path / "parts", report=interrupt)
    resumed = training.load_averaged(training.train(plan, parts, tmp_path / "parts", resume=True))[
        1
    ].state_dict()
    for name, value in whole.items():
        assert torch.allclose(value.float(), resumed[name].float(), atol=1e-5), name
    with pytest.raises(training.PlanError, match="an earlier run"):
        training.train(plan, parts, tmp_path / "parts")
    with pytest.raises(training.PlanError, match="another plan"):
        training.train(
            training.Plan(model="small", steps=5), parts, tmp_path / "parts", resume=True
        )


def test_a_run_ends_with_the_share_of_its_beginning_that_the_plan_asks_for(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    training = pytest.importorskip("crowd.training", reason="training needs PyTorch")
    parts = {"stills": split(read_folder(pictures(tmp_path / "stills")))}
    first = training.Plan(model="small", steps=2, batch=2, crop_px=64, warm_up_steps=1)
    begun = training.train(first, parts, tmp_path / "first")

    def ended(share: float) -> dict[str, Any]:
        plan = msgspec.structs.replace(first, seed=2, settle_share=0.0, start_share=share)
        out = tmp_path / f"share-{share}"
        weights = training.load_averaged(training.train(plan, parts, out, start=begun))[1]
        return dict(weights.state_dict())

    start, alone, half = training.load_averaged(begun)[1].state_dict(), ended(0.0), ended(0.5)
    weight = "head.weight"
    assert not torch.allclose(start[weight], alone[weight], atol=1e-7)
    assert torch.allclose(half[weight], (start[weight] + alone[weight]) / 2, atol=1e-6)
    with pytest.raises(training.PlanError, match="starts from nothing"):
        training.train(msgspec.structs.replace(first, start_share=0.5), parts, tmp_path / "nothing")


class CountsDots:
    """Counts white dots, however large."""

    def count_and_doubt(self, picture: NDArray[np.uint8]) -> tuple[float, float]:
        bright = (picture[:, :, 0] > 60).astype(np.uint8)
        return float(cv2.connectedComponents(bright)[0] - 1), 0.0


def test_every_view_of_a_held_out_picture_knows_how_many_heads_it_shows(tmp_path: Path) -> None:
    """A part shows fewer people than the whole picture, and their number is what its count is held against."""
    random = np.random.default_rng(8)
    picture = np.zeros((480, 640, 3), np.uint8)
    # Dots lie on a lattice, and no window's edge runs through one.
    places = [
        (x, y) for x in range(29, 640, 40) for y in range(23, 480, 40) if random.random() < 0.4
    ]
    for x, y in places:
        cv2.circle(picture, (x, y), 4, (255, 255, 255), -1)
    path = tmp_path / "dots.png"
    cv2.imwrite(str(path), picture)
    still = Still(name="dots", path=path, heads=np.array(places, np.float32))
    counted = trials({"drawn": [still]}, CountsDots(), parts=True)
    assert len(counted) >= 9
    assert all(trial.count == trial.truth for trial in counted)
    assert len({trial.truth for trial in counted}) >= 4
    whole = trials({"drawn": [still]}, CountsDots(), parts=False)
    assert {trial.truth for trial in whole} == {len(places)}
