"""Speed, direction, counter-flow and pressure: exact on known velocities, near on rendered crowds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crowd.ground import Ground
from crowd.motion import MotionGap, read_motion
from crowd.motion_breakdown import FlowState, flow_state, weidmann_speed_m_s
from crowd.motion_streams import pressure_s2, streams
from service.bench_motion import bench_motion
from tests.crowd.test_ground import FIELD, calibration, camera, density_map, through

Floats = NDArray[np.float64]
ONE_METRE_A_SECOND = {"north": (0.0, 1.0), "east": (1.0, 0.0), "south-west": (-0.7, -0.7)}


def people(velocity: Floats) -> tuple[Floats, Floats, Floats]:
    """Where heads of walkers are at three times, a tenth of a second apart, in metres."""
    random = np.random.default_rng(7)
    place = random.uniform((-3, 7), (3, 13), (60, 2))
    return place, place + velocity * 0.1, place + velocity * 0.2


def picture(places: Floats) -> NDArray[np.uint8]:
    """Bright, differently grey heads on rough ground."""
    seen_by = camera()
    random = np.random.default_rng(3)
    ground = random.integers(60, 90, (360, 640)).astype(np.uint8)
    canvas = cv2.GaussianBlur(ground, (0, 0), 1.2)
    heads = through(seen_by.plane_to_picture(1.6), places)
    for (x, y), grey in zip(heads, random.integers(120, 255, len(heads)), strict=True):
        centre = (round(float(x) * 16), round(float(y) * 16))
        cv2.circle(canvas, centre, 5 * 16, int(grey), -1, cv2.LINE_AA, 4)
        cv2.circle(canvas, (centre[0] - 20, centre[1] - 20), 2 * 16, 20, -1, cv2.LINE_AA, 4)
    return np.asarray(canvas, np.uint8)


def ground() -> Ground:
    return Ground(calibration(camera()), [FIELD])


@pytest.mark.parametrize("way", ONE_METRE_A_SECOND)
def test_people_who_walk_have_their_speed_and_direction(way: str) -> None:
    velocity = np.array(ONE_METRE_A_SECOND[way])
    times = people(np.tile(velocity, (60, 1)))
    found = read_motion(
        [picture(places) for places in times],
        [0.0, 0.1, 0.2],
        density_map(camera(), times[0]),
        stride_px=8,
        ground=ground(),
    )
    assert found.gap is None
    assert found.speed_m_s == pytest.approx(np.linalg.norm(velocity), rel=0.15)
    assert found.direction_deg is not None
    expected = np.degrees(np.arctan2(velocity[0], velocity[1]))
    assert abs((found.direction_deg - expected + 180) % 360 - 180) < 10
    assert found.counterflow is not None
    assert found.counterflow < 0.08


def test_a_third_against_the_stream_is_counter_flow() -> None:
    velocity = np.tile(np.array([0.0, 1.2]), (60, 1))
    velocity[::3] *= -1
    times = people(velocity)
    found = read_motion(
        [picture(places) for places in times],
        [0.0, 0.1, 0.2],
        density_map(camera(), times[0]),
        stride_px=8,
        ground=ground(),
    )
    assert found.counterflow == pytest.approx(1 / 3, abs=0.1)


def test_people_who_stand_have_no_direction() -> None:
    times = people(np.zeros((60, 2)))
    found = read_motion(
        [picture(places) for places in times],
        [0.0, 0.1, 0.2],
        density_map(camera(), times[0]),
        stride_px=8,
        ground=ground(),
    )
    assert found.speed_m_s == pytest.approx(0.0, abs=0.05)
    assert (found.direction_deg, found.counterflow) == (None, None)


def test_what_is_not_defined_is_absent_and_says_why() -> None:
    frame = picture(np.zeros((0, 2)))
    nobody = np.zeros((45, 80), np.float32)
    one = read_motion([frame], [0.0], nobody, stride_px=8, ground=ground())
    plain = read_motion([frame, frame], [0.0, 0.1], nobody, stride_px=8, ground=None)
    empty = read_motion([frame, frame], [0.0, 0.1], nobody, stride_px=8, ground=ground())
    assert (one.gap, plain.gap, empty.gap) == (
        MotionGap.NO_BURST,
        MotionGap.NOT_CALIBRATED,
        MotionGap.NOBODY,
    )
    for found in (one, plain, empty):
        assert found.speed_m_s is None
        assert found.direction_deg is None
        assert found.counterflow is None
        assert found.pressure_s2 is None


def test_pictures_that_have_nothing_in_common_give_no_motion() -> None:
    random = np.random.default_rng(5)
    frames = [random.integers(0, 256, (360, 640)).astype(np.uint8) for _ in range(3)]
    density = density_map(camera(), people(np.zeros((60, 2)))[0])
    found = read_motion(frames, [0.0, 0.1, 0.2], density, stride_px=8, ground=ground())
    assert (found.gap, found.speed_m_s) == (MotionGap.NOT_FOLLOWED, None)


@settings(max_examples=60, deadline=None)
@given(
    heading=st.floats(0, 359.9),
    against=st.integers(0, 19),
    speed=st.floats(0.4, 2.0),
)
def test_the_larger_stream_is_the_main_one(heading: float, against: int, speed: float) -> None:
    way = np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))]) * speed
    velocity = np.array([-way] * against + [way] * (40 - against))
    found = streams(velocity, np.ones(40))
    assert found.speed_m_s == pytest.approx(speed)
    assert found.direction_deg is not None
    assert abs((found.direction_deg - heading + 180) % 360 - 180) < 0.5
    assert found.counterflow == pytest.approx(against / 40)


def test_pressure_is_density_times_variance_of_velocity() -> None:
    """Ten people within a metre, half of them at +0.5 and half at -0.5 m/s: 10/π × 0.25."""
    where = np.random.default_rng(1).uniform(-0.3, 0.3, (10, 2))
    velocity = np.tile(np.array([[0.5, 0.0], [-0.5, 0.0]]), (5, 1))
    found = pressure_s2(where, velocity, velocity, np.ones(10))
    assert found == pytest.approx(10 / np.pi * 0.25, rel=0.2)


def test_noise_that_is_not_the_same_twice_is_no_pressure() -> None:
    random = np.random.default_rng(2)
    where = random.uniform(-0.8, 0.8, (400, 2))
    first, last = random.normal(0, 0.3, (2, 400, 2))
    each = np.full(400, 0.05)
    once = pressure_s2(where, first, first, each)
    both = pressure_s2(where, first, last, each)
    assert once is not None
    assert both is not None
    assert both < 0.2 * once


def test_pressure_needs_two_people_together() -> None:
    where = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    velocity = np.zeros((3, 2))
    assert pressure_s2(where, velocity, velocity, np.ones(3)) is None


@pytest.mark.parametrize(
    ("density", "before", "speed", "state"),
    [
        (None, 2.0, 0.5, FlowState.UNKNOWN),
        (3.0, 2.0, None, FlowState.UNKNOWN),
        (3.0, None, 0.05, FlowState.UNKNOWN),
        (0.5, 0.2, 0.0, FlowState.FREE),
        (3.0, 2.0, 0.4, FlowState.AS_EXPECTED),
        (3.0, 2.0, 0.1, FlowState.BREAKDOWN),
        (3.0, 3.0, 0.1, FlowState.SLOW),
        (3.0, 4.0, 0.1, FlowState.SLOW),
        (6.0, 5.5, 0.0, FlowState.BREAKDOWN),
    ],
)
def test_flow_breaks_down_when_it_is_denser_and_far_slower_than_it_could_be(
    density: float | None, before: float | None, speed: float | None, state: FlowState
) -> None:
    assert flow_state(density_p_m2=density, before_p_m2=before, speed_m_s=speed) is state


def test_weidmanns_walkers_are_slower_the_denser_they_are() -> None:
    speeds = [weidmann_speed_m_s(density) for density in np.linspace(0, 6, 61)]
    assert speeds == sorted(speeds, reverse=True)
    assert (speeds[0], speeds[-1]) == (1.34, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    before=st.floats(0, 6), denser=st.floats(0, 6), slower=st.floats(0, 2), speed=st.floats(0, 2)
)
def test_a_slower_crowd_is_never_judged_better(
    before: float, denser: float, slower: float, speed: float
) -> None:
    order = (FlowState.FREE, FlowState.AS_EXPECTED, FlowState.SLOW, FlowState.BREAKDOWN)
    fast = flow_state(density_p_m2=denser, before_p_m2=before, speed_m_s=max(speed, slower))
    slow = flow_state(density_p_m2=denser, before_p_m2=before, speed_m_s=min(speed, slower))
    assert order.index(slow) >= order.index(fast)


def test_on_rendered_crowds_of_known_truth_errors_are_small() -> None:
    found = bench_motion(scenes=8, seed=5, say=lambda _: None)["with_perfect_density"]
    assert found["given"] >= 7
    assert found["speed_m_s"]["mae"] < 0.12
    assert found["counterflow"]["mae"] < 0.12
    assert found["direction_deg"]["median"] < 8
