"""The administration: each edits what is theirs, in the file, and everybody else nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from config.editing import SiteEditor
from config.site_file import inspect_site
from console.routes.administration import trying
from model.clock import ManualClock
from simulators.marked_views import hung_camera, mark_people
from tests.console.http import client, sign_in, started
from tests.console.stage import Stage, staged
from tests.console.stage_site import SMALL_SITE
from tests.waiting import eventually


@pytest.fixture
def edited(tmp_path: Path, clock: ManualClock) -> Iterator[Stage]:
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL_SITE, path)
    with staged(tmp_path / "store", clock, editor=SiteEditor(path)) as stage:
        stage.enrol("integrator", "admin", "commander")
        yield stage


async def put(
    browser: httpx.AsyncClient, path: str, value: object, **form: object
) -> httpx.Response:
    version = (await browser.get("/api/v1/admin/site")).json()["version"]
    body = {"version": version, "value": value, **form}
    return await browser.put(f"/api/v1/admin/{path}", json=body)


def file_of(stage: Stage) -> Path:
    editor = stage.app.state.context.editor
    assert editor is not None
    return Path(editor.path)


def test_an_integrator_calibrates_a_camera_into_the_file(edited: Stage) -> None:
    async def story() -> None:
        async with started(edited), client(edited) as browser:
            await sign_in(browser, "integrator")
            shown = (await browser.get("/api/v1/admin/site")).json()
            camera = next(one for one in shown["cameras"] if one["id"] == "gulou")
            assert "password" not in camera
            camera["ground"]["points"][0]["px"] = 123.5
            answer = await put(browser, "things/cameras/gulou", camera)
            assert answer.json()["saved"] is True
            assert "123.5" in answer.json()["diff"]

    asyncio.run(story())
    assert edited.saved == [True]
    site, _ = inspect_site(file_of(edited))
    gulou = next(one for one in site.cameras if one.id == "gulou")
    assert gulou.ground is not None
    assert gulou.ground.points is not None
    assert gulou.ground.points[0].px == 123.5
    assert [one.subject for one in edited.noted if one.act.value == "site_edited"] == [
        "cameras/gulou"
    ]


def test_each_edits_what_is_theirs(edited: Stage) -> None:
    person = {"name": {"zh": "新人", "en": "Newcomer"}, "roles": ["viewer"]}

    async def story() -> None:
        async with started(edited), client(edited) as browser:
            await sign_in(browser, "integrator")
            assert (await put(browser, "people/newcomer", person)).status_code == 403
            assert (await put(browser, "duty/plans/crowding-red", {})).status_code == 403
            assert (await put(browser, "things/people/newcomer", person)).status_code == 404
            await sign_in(browser, "admin")
            assert (await put(browser, "people/newcomer", person)).json()["saved"] is True
            own = await put(browser, "people/admin", {"name": "周敏", "roles": ["viewer"]})
            assert own.json()["reason"] == "own_admin_role"
            once = await browser.post("/api/v1/admin/people/viewer/one-time", json={})
            await sign_in(browser, "commander")
            shift = {"start": "08:00", "end": "16:00", "people": ["commander"]}
            assert (await put(browser, "roster", [shift])).json()["saved"] is True
            await sign_in(browser, "viewer", once.json()["password"])
            assert (await browser.get("/api/v1/admin/site")).status_code == 403

    asyncio.run(story())


def test_a_change_is_tried_before_it_is_saved_and_told_what_is_wrong(edited: Stage) -> None:
    before = file_of(edited).read_text(encoding="utf-8")
    crossed = [[0, 0], [10, 10], [10, 0], [0, 10]]

    async def story() -> None:
        async with started(edited), client(edited) as browser:
            await sign_in(browser, "integrator")
            shown = (await browser.get("/api/v1/admin/site")).json()
            zone = next(one for one in shown["zones"] if one["id"] == "bridge")
            preview = await put(
                browser, "things/zones/bridge", zone | {"m2_per_visitor": 2}, preview=True
            )
            assert (preview.json()["saved"], "m2_per_visitor: 2" in preview.json()["diff"]) == (
                False,
                True,
            )
            wrong = await put(browser, "things/zones/bridge", zone | {"outline": crossed})
            assert wrong.status_code == 422
            assert "outline" in wrong.json()["errors"][0]["where"]
            stale = await browser.put(
                "/api/v1/admin/things/zones/bridge", json={"version": "old", "value": zone}
            )
            assert (stale.status_code, stale.json()["code"]) == (409, "stale")

    asyncio.run(story())
    assert file_of(edited).read_text(encoding="utf-8") == before
    assert edited.saved == []


def people_ground() -> dict[str, object]:
    rng = np.random.default_rng(5)
    marks = mark_people(hung_camera(rng), 12, rng)
    assert marks is not None
    return marks.model_dump(exclude_none=True, mode="json")


def test_a_calibration_is_tried_before_it_is_saved_and_people_are_kept(edited: Stage) -> None:
    ground = people_ground()
    row = [{"foot_px": [x, 500.0], "head_px": [x, 380.0]} for x in range(300, 900, 100)]

    async def story() -> None:
        async with started(edited), client(edited) as browser:
            await sign_in(browser, "commander")
            denied = await browser.post("/api/v1/admin/ground", json={"ground": ground})
            assert denied.status_code == 403
            await sign_in(browser, "integrator")
            tried = (await browser.post("/api/v1/admin/ground", json={"ground": ground})).json()
            assert tried["placed"] is False
            assert len(tried["mapping"]) == 9
            assert len(tried["misses"]) == len(tried["places_m"]) == 12
            assert 0 < tried["area_error"] < 0.25
            vain = ground | {"people": {"marks": row}}
            tried = (await browser.post("/api/v1/admin/ground", json={"ground": vain})).json()
            assert tried["problem"] == "marked_people_are_all_at_one_distance"
            both = ground | {"points": [{"px": 1, "py": 1, "x_m": 1, "y_m": 1}] * 4}
            wrong = await browser.post("/api/v1/admin/ground", json={"ground": both})
            assert wrong.status_code == 422
            shown = (await browser.get("/api/v1/admin/site")).json()
            camera = next(one for one in shown["cameras"] if one["id"] == "gulou")
            wanted = camera | {"ground": ground, "at": [3.0, 4.0], "bearing_deg": 90.0}
            assert (await put(browser, "things/cameras/gulou", wanted)).json()["saved"] is True

    asyncio.run(story())
    site, _ = inspect_site(file_of(edited))
    gulou = next(one for one in site.cameras if one.id == "gulou")
    assert gulou.ground is not None
    assert gulou.ground.model_dump(exclude_none=True, mode="json") == ground
    assert (gulou.at, gulou.bearing_deg) == ((3.0, 4.0), 90.0)


def test_one_calibration_is_tried_at_a_time(edited: Stage) -> None:
    """Whoever drags hundreds of marks about leaves the other cores to the cameras."""
    asked = {"ground": people_ground()}

    async def story() -> None:
        async with started(edited), client(edited) as browser:
            await sign_in(browser, "integrator")
            async with trying:
                second = asyncio.create_task(browser.post("/api/v1/admin/ground", json=asked))
                await eventually(lambda: trying.statistics().tasks_waiting == 1)
                assert not second.done()
            assert (await second).status_code == 200

    asyncio.run(story())
