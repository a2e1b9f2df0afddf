"""People outside: problems with photographs, dispatches to their owners, own warnings, coarse pictures."""

from __future__ import annotations

import asyncio
import json

import cv2
import httpx
import numpy as np
import pytest

from console.layout import document
from console.photographs import LONG_SIDE_PX, PictureError, clean
from console.pixelated import pixelate
from console.ports import Still
from model.cases import CaseState
from model.clock import ManualClock
from model.dispatch import cell_of
from model.facts import Verb
from model.level import Level, Sight
from tests.console.http import client, sign_in, started
from tests.console.stage import EVENING, Stage
from tests.console.stage_site import UNITS, small_site
from tests.waiting import eventually

PLACE = b"taken at 39.9 north"


def photograph(width: int = 64, height: int = 48) -> bytes:
    """A JPEG with an Exif segment that says where it was taken."""
    picture = np.full((height, width, 3), 120, np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    exif = b"Exif\x00\x00" + PLACE
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


async def send_photo(browser: httpx.AsyncClient, name: str, data: bytes) -> httpx.Response:
    return await browser.post(
        f"/api/v1/photos?id={name}", content=data, headers={"Content-Type": "image/jpeg"}
    )


async def act(
    browser: httpx.AsyncClient, dispatch: str, verb: str, **form: object
) -> httpx.Response:
    return await browser.post(f"/api/v1/dispatches/{dispatch}/{verb}", json=form)


def test_a_problem_goes_to_the_unit_that_owns_it_and_is_tracked_to_closing(
    stage: Stage, clock: ManualClock
) -> None:
    stage.enrol("responder", "operator")

    async def story() -> None:
        async with started(stage), client(stage) as street, client(stage) as desk:
            await sign_in(street, "responder")
            await sign_in(desk, "operator")
            assert (await send_photo(street, "photo-0001", photograph())).status_code == 200
            form = {
                "id": "report-0001",
                "kind": "ice",
                "grade": "sudden",
                "zone": "qianhai",
                "place": [-30.0, -27.0],
                "text": "有人上冰",
                "photos": ["photo-0001"],
            }
            first = await street.post("/api/v1/dispatches", json=form)
            again = await street.post("/api/v1/dispatches", json=form)
            assert first.status_code == 200
            assert first.json() == again.json()
            sent = first.json()["dispatch"]
            assert (sent["unit"], sent["state"]) == (UNITS["responder"], "sent")
            assert first.json()["cell"] == "W1-S1"
            shown = stage.app.state.context.live.room.cards["dispatches"]
            assert list(shown) == ["report-0001"]
            picture = await desk.get("/api/v1/photos/photo-0001.jpg")
            assert picture.headers["content-type"] == "image/jpeg"
            assert PLACE not in picture.content
            unfounded = await act(desk, "report-0001", "transfer", unit="派出所")
            assert unfounded.json()["reason"] == "dispatch_reason_missing"
            assert (await act(street, "report-0001", "take")).json()["dispatch"]["state"] == "taken"
            assert (await act(street, "report-0001", "take")).status_code == 200
            assert (await act(desk, "report-0001", "take")).json()["reason"] == (
                "dispatch_already_taken"
            )
            solved = await act(street, "report-0001", "solve", note="已劝离")
            assert solved.json()["dispatch"]["state"] == "solved"
            closed = await act(street, "report-0001", "close")
            assert closed.json()["dispatch"]["state"] == "closed"
            assert [step["act"] for step in closed.json()["dispatch"]["steps"]] == [
                "reported",
                "taken",
                "solved",
                "closed",
            ]

    asyncio.run(story())
    assert [one.subject for one in stage.noted if one.act.value == "dispatch_step"] == [
        f"report-0001/{verb}" for verb in ("reported", "taken", "solved", "closed")
    ]


def test_people_outside_see_their_units_problems_only(stage: Stage) -> None:
    stage.enrol("responder", "operator", "viewer")

    async def story() -> None:
        async with started(stage), client(stage) as street, client(stage) as desk:
            await sign_in(street, "responder")
            await sign_in(desk, "operator")
            form = {"id": "report-0002", "kind": "lost-child", "grade": "major"}
            await send_photo(desk, "photo-0002", photograph())
            await desk.post("/api/v1/dispatches", json=form | {"photos": ["photo-0002"]})
            assert (await street.get("/api/v1/dispatches/report-0002")).status_code == 404
            assert (await street.get("/api/v1/photos/photo-0002.jpg")).status_code == 404
            assert (await street.get("/api/v1/dispatches")).json() == {"dispatches": []}
            moved = await act(
                desk, "report-0002", "transfer", unit=UNITS["responder"], note="先到者处理"
            )
            assert moved.status_code == 200
            assert len((await street.get("/api/v1/mine")).json()["dispatches"]) == 1
            returned = await act(street, "report-0002", "return", note="不")
            assert returned.json()["reason"] == "dispatch_of_another_unit"
            unknown = await desk.post(
                "/api/v1/dispatches", json=form | {"kind": "ghost", "id": "report-0003"}
            )
            assert unknown.json()["reason"] == "unknown_kind"

    asyncio.run(story())


def test_two_who_take_at_once_never_both_have_it(stage: Stage) -> None:
    stage.enrol("responder", "operator")

    async def story() -> list[int]:
        async with started(stage), client(stage) as street, client(stage) as desk:
            await sign_in(street, "responder")
            await sign_in(desk, "operator")
            await street.post(
                "/api/v1/dispatches", json={"id": "report-0004", "kind": "ice", "grade": "major"}
            )
            answers = await asyncio.gather(
                act(street, "report-0004", "take"), act(desk, "report-0004", "take")
            )
            return sorted(answer.status_code for answer in answers)

    assert asyncio.run(story()) == [200, 409]


def test_ones_own_warning_is_confirmed_and_no_other(stage: Stage) -> None:
    stage.enrol("responder")
    case = stage.open_case("bridge", Level.RED)

    async def story() -> None:
        async with started(stage), client(stage) as street:
            await sign_in(street, "responder")
            refused = await street.post(f"/api/v1/mine/cases/{case}/confirm", json={})
            assert refused.status_code == 404
            cards = stage.app.state.context.live.room.cards["cases"]
            await eventually(lambda: case in cards)
            card = cards[case]
            assert card.case.state is CaseState.OPEN

    asyncio.run(story())
    assert [one for one in stage.decisions if one.verb is Verb.ACKNOWLEDGE] == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (b"\xff\xd8" + b"\x00" * 100, "not_a_picture"),
        (photograph()[:80], "not_a_picture"),
        (
            b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00\x00\xff\xff" * 2,
            "picture_too_large",
        ),
    ],
)
def test_what_is_no_photograph_is_refused_by_name(data: bytes, code: str) -> None:
    with pytest.raises(PictureError) as refused:
        clean(data)
    assert refused.value.fault.value == code


def test_a_photograph_comes_out_small_and_without_a_word_about_its_place() -> None:
    cleaned = clean(photograph(2400, 1200))
    height, width = np.asarray(
        cv2.imdecode(np.frombuffer(cleaned, np.uint8), cv2.IMREAD_COLOR)
    ).shape[:2]
    assert (width, height) == (LONG_SIDE_PX, LONG_SIDE_PX // 2)
    assert PLACE not in cleaned
    assert b"Exif" not in cleaned


def test_pictures_leave_the_room_coarse_where_people_were_counted() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (240, 320, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    cells = np.zeros((6, 8), np.uint8)
    cells[2, 2] = 1
    still = Still(
        camera="gulou",
        at=EVENING,
        jpeg=jpeg,
        sight=Sight.LIVE,
        count=0.01,
        columns=8,
        rows=6,
        cells=cells.tobytes(),
        people_per_cell=1.0,
    )

    def roughness(data: bytes, rows: slice, columns: slice) -> float:
        picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
        return float(np.abs(np.diff(picture[rows, columns].astype(int), axis=1)).mean())

    shown = pixelate(still)
    person, street = (slice(85, 115), slice(85, 115)), (slice(180, 230), slice(240, 310))
    assert roughness(shown, *person) < 8
    assert roughness(shown, *street) > 25
    uncounted = Still(camera="gulou", at=EVENING, jpeg=jpeg, sight=Sight.BLIND)
    assert roughness(pixelate(uncounted), *street) < 8


def test_hectares_have_names_on_every_side_of_the_origin() -> None:
    assert [cell_of(x, y) for x, y in ((0, 0), (-0.1, 0), (250, -101), (-100, 99))] == [
        "E1-N1",
        "W1-N1",
        "E3-S2",
        "W1-N1",
    ]


def test_a_unit_that_one_kind_names_in_both_languages_is_named_so_for_all() -> None:
    def kind(name: str, owner: object) -> dict[str, object]:
        return {"id": name, "name": {"zh": "冰", "en": "Ice"}, "owner": owner}

    police = {"zh": "派出所", "en": "Police Station"}
    site = small_site(
        catalogue=[kind("ice", "派出所"), kind("fight", police), kind("lamp", "路灯所")]
    )
    told = json.loads(document(site, {})[0])
    assert told["units"] == {"派出所": police, "路灯所": {"zh": "路灯所", "en": "路灯所"}}
    assert [one["owner"] for one in told["catalogue"]] == ["派出所", "派出所", "路灯所"]
