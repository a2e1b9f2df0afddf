"""The full-size example: as big as the real place, loadable, and in step with its ground plan."""

from __future__ import annotations

from pathlib import Path

from config import shichahai
from config.outlines import area_m2
from config.plans import Approval
from config.schema import SiteFile
from config.site_file import load_site
from model.level import Level

SITES = Path(__file__).parents[2] / "config" / "sites"


def test_the_file_is_what_its_ground_plan_writes() -> None:
    shipped = (SITES / "shichahai.yaml").read_text(encoding="utf-8")
    assert shipped == shichahai.site_text(), (
        "renew it: python -m config.shichahai > config/sites/shichahai.yaml"
    )


def test_it_is_as_big_as_the_real_place_and_its_red_messages_wait_for_two() -> None:
    site = load_site(SITES / "shichahai.yaml")
    entrances = {lane.entrance for lane in site.bollards}
    assert (len(site.cameras), len(site.terminals), len(entrances)) == (382, 120, 13)
    _no_red_plan_goes_by_itself(site)
    _every_entrance_can_be_closed(site, entrances)
    _cameras_look_at_their_own_ground(site)


def _no_red_plan_goes_by_itself(site: SiteFile) -> None:
    red = [plan for plan in site.plans if plan.level is Level.RED]
    assert red
    assert all(plan.approval is Approval.TWO for plan in red)
    raising = [plan for plan in site.plans if plan.raise_entrances]
    assert all(plan.approval is Approval.TWO for plan in raising)


def _every_entrance_can_be_closed(site: SiteFile, entrances: set[str]) -> None:
    assert {gate for plan in site.plans for gate in plan.raise_entrances} == entrances


def _cameras_look_at_their_own_ground(site: SiteFile) -> None:
    """A picture's four outer ground points enclose some hundred square metres, in order."""
    for camera in site.cameras:
        assert camera.ground is not None
        assert camera.ground.points is not None
        seen = [(point.x_m, point.y_m) for point in camera.ground.points]
        assert 60 < area_m2([seen[0], seen[1], seen[5], seen[4]]) < 400
