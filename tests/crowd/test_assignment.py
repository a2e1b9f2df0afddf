"""Sharing cameras among workers: every camera once, and as little moving as possible."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from config.schema import Camera
from config.strict import Words
from crowd.assignment import Assigner, expected_cost, share
from model.facts import DeviceKind, DeviceStatus, Fact

NOW = datetime(2026, 2, 12, 21, 30, tzinfo=UTC)
cameras = st.lists(st.integers(1, 50), max_size=40).map(
    lambda costs: {f"c{i}": cost for i, cost in enumerate(costs)}
)
crews = st.dictionaries(st.sampled_from(["w1", "w2", "w3", "w4"]), st.integers(1, 50), min_size=1)


def alike(*names: str) -> dict[str, int]:
    """Cameras that cost the same."""
    return dict.fromkeys(names, 1)


def status(
    worker: str,
    state: Literal["online", "offline"],
    mono: float,
    capacity: int = 10,
    *,
    epoch: int | None = None,
) -> Fact:
    body = DeviceStatus(state=state, at=NOW, capacity=capacity, epoch=epoch)
    return Fact(kind=DeviceKind.WORKER, source=worker, arrived=NOW, arrived_monotonic_s=mono, body=body)  # fmt: skip


@given(costs=cameras, crew=crews, held=st.dictionaries(st.integers(0, 60).map(lambda i: f"c{i}"), st.sampled_from(["w1", "w2", "gone"])))  # fmt: skip
def test_every_camera_has_exactly_one_living_worker(
    costs: dict[str, int], crew: dict[str, int], held: dict[str, str]
) -> None:
    shares = share(costs, crew, held)
    assert set(shares) == set(costs)
    assert set(shares.values()) <= set(crew)


@given(costs=cameras, crew=crews, held=st.lists(st.sampled_from(["w1", "w2"]), min_size=40, max_size=40))  # fmt: skip
def test_a_share_that_stands_is_left_alone(
    costs: dict[str, int], crew: dict[str, int], held: list[str]
) -> None:
    shares = share(costs, crew, dict(zip(costs, held, strict=False)))
    assert share(costs, crew, shares) == shares


def test_few_dear_cameras_weigh_as_much_as_many_cheap_ones() -> None:
    costs = {"big-1": 8, "big-2": 8} | {f"c{i}": 1 for i in range(16)}
    shares = share(costs, {"w1": 200, "w2": 200}, {})
    for worker in ("w1", "w2"):
        assert sum(costs[camera] for camera, whose in shares.items() if whose == worker) == 16
    assert shares["big-1"] != shares["big-2"]


def test_nothing_moves_for_a_little_more_evenness_and_a_returned_worker_gets_its_share() -> None:
    crew = {"w1": 10, "w2": 10}
    held = {f"a{i}": "w1" for i in range(11)} | {f"b{i}": "w2" for i in range(9)}
    costs = dict.fromkeys(held, 1)
    assert share(costs, crew, held) == held
    shares = share(costs, crew | {"w3": 10}, held)
    assert sorted([*shares.values()].count(worker) for worker in ("w1", "w2", "w3")) == [6, 7, 7]
    assert all(whose in {held[camera], "w3"} for camera, whose in shares.items())


def test_a_camera_costs_more_with_the_large_model_and_less_where_it_is_seldom_read() -> None:
    def cost(**told: object) -> int:
        name = Words(zh="桥", en="Bridge")
        return expected_cost(Camera.model_validate({"id": "a", "name": name, "url": "rtsp://h/a"} | told))  # fmt: skip

    assert cost(every_s=4) * 2 == cost()
    assert cost(burst=8) > cost()
    assert cost(model="full") > 3 * cost()


def test_nobody_works_and_nobody_is_given_a_camera() -> None:
    assert share(alike("a"), {}, {"a": "w1"}) == {}


def test_a_dead_worker_gives_up_its_cameras_and_the_others_keep_theirs() -> None:
    assigner = Assigner(alike(*(f"c{i}" for i in range(8))))
    assigner.observe([status("w1", "online", 0), status("w2", "online", 0)])
    first = assigner.changes(mono=0, wall_ms=1)
    kept = set(first["w1"].cameras)
    assigner.observe([status("w1", "online", 12)])
    second = assigner.changes(mono=12, wall_ms=2)
    assert second["w2"].cameras == ()
    assert kept < set(second["w1"].cameras)
    assert len(second["w1"].cameras) == 8
    assert second["w1"].epoch > first["w1"].epoch


def test_a_last_will_moves_the_cameras_at_once() -> None:
    assigner = Assigner(alike("a", "b"))
    assigner.observe([status("w1", "online", 0), status("w2", "online", 0)])
    assigner.changes(mono=0, wall_ms=1)
    assigner.observe([status("w2", "offline", 1)])
    assert assigner.changes(mono=1, wall_ms=2)["w1"].cameras == ("a", "b")


def test_a_worker_that_comes_and_gets_nothing_is_told_so_once() -> None:
    """It may hold a camera from before the service's restart, which another reads by now."""
    assigner = Assigner(alike("a"))
    assigner.observe([status("w1", "online", 0)])
    assigner.changes(mono=0, wall_ms=1)
    assigner.observe([status("w2", "online", 1)])
    assert {name: share.cameras for name, share in assigner.changes(mono=1, wall_ms=2).items()} == {
        "w2": ()
    }
    assigner.observe([status("w2", "online", 2)])
    assert assigner.changes(mono=2, wall_ms=3) == {}
    assigner.observe([status("w2", "offline", 3)])
    assert assigner.changes(mono=3, wall_ms=4) == {}
    assigner.observe([status("w2", "online", 4)])
    assert assigner.changes(mono=4, wall_ms=5)["w2"].cameras == ()


def test_the_epoch_grows_over_a_restart_with_the_wall_clock() -> None:
    assigner = Assigner(alike("a"))
    assigner.observe([status("w1", "online", 0)])
    assert assigner.changes(mono=0, wall_ms=1_700_000_000_000)["w1"].epoch == 1_700_000_000_000


AHEAD = 1_700_003_600_000
NOW_MS = 1_700_000_000_000


def test_a_service_whose_clock_was_ahead_before_its_restart_is_still_obeyed() -> None:
    """Workers take no older share: for an hour nobody would read the cameras of one that died."""
    assigner = Assigner(alike("a", "b"))
    assigner.observe([status("w1", "online", 0, epoch=AHEAD), status("w2", "online", 0)])
    shares = assigner.changes(mono=0, wall_ms=NOW_MS)
    assert {share.epoch for share in shares.values()} == {AHEAD + 1}
    assigner.observe([status("w2", "offline", 1)])
    share = assigner.changes(mono=1, wall_ms=NOW_MS + 1000)["w1"]
    assert (share.cameras, share.epoch) == (("a", "b"), AHEAD + 2)


def test_a_worker_that_follows_a_later_share_than_it_was_told_is_told_anew_once() -> None:
    """It came back and took what the broker had kept, before ours was there."""
    assigner = Assigner(alike("a", "b"))
    assigner.observe([status("w1", "online", 0, epoch=0), status("w2", "online", 0, epoch=0)])
    first = assigner.changes(mono=0, wall_ms=NOW_MS)
    assigner.observe([status("w1", "online", 3, epoch=AHEAD), status("w2", "online", 3)])
    again = assigner.changes(mono=3, wall_ms=NOW_MS + 3000)
    assert {name: share.epoch for name, share in again.items()} == {"w1": AHEAD + 1}
    assert again["w1"].cameras == first["w1"].cameras
    assigner.observe([status("w1", "online", 6, epoch=AHEAD + 1)])
    assert assigner.changes(mono=6, wall_ms=NOW_MS + 6000) == {}


def test_a_worker_that_follows_an_older_share_yet_is_not_told_twice() -> None:
    assigner = Assigner(alike("a"))
    assigner.observe([status("w1", "online", 0)])
    assigner.changes(mono=0, wall_ms=NOW_MS)
    assigner.observe([status("w1", "online", 1, epoch=0)])
    assert assigner.changes(mono=1, wall_ms=NOW_MS + 1000) == {}


def test_a_worker_with_a_senseless_epoch_pushes_nobodys_beyond_what_can_be_said() -> None:
    assigner = Assigner(alike("a"))
    assigner.observe([status("w1", "online", 0, epoch=2**53 - 1)])
    assert assigner.changes(mono=0, wall_ms=NOW_MS)["w1"].epoch == NOW_MS
