"""Who may pass: every endpoint has a policy, and the policy holds for every role."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from console.diary import UNKNOWN, Act
from console.doors import COOKIE
from console.policy import PHOTOS, POLICIES, Door, Role
from model.clock import ManualClock
from store.people import FAILURES_ALLOWED
from tests.console.http import client, sign_in, started
from tests.console.stage import PASSWORD, Stage

ROLES = [role.value for role in Role]
SESSION_CHANGES = {
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("PUT", "/api/v1/session/password"),
}
BODIES = {
    ("POST", "/api/v1/cases/{case}/assign"): {"assignee": "operator"},
    ("POST", "/api/v1/cases/{case}/comment"): {"comment": "看到了"},
    ("PUT", "/api/v1/admin/things/{kind}/{id}"): {"version": "v", "value": {}},
    ("DELETE", "/api/v1/admin/things/{kind}/{id}"): {"version": "v"},
    ("PUT", "/api/v1/admin/people/{id}"): {"version": "v", "value": {}},
    ("DELETE", "/api/v1/admin/people/{id}"): {"version": "v"},
    ("PUT", "/api/v1/admin/duty/{kind}/{id}"): {"version": "v", "value": {}},
    ("DELETE", "/api/v1/admin/duty/{kind}/{id}"): {"version": "v"},
    ("PUT", "/api/v1/admin/roster"): {"version": "v", "value": []},
    ("POST", "/api/v1/broadcasts"): {
        "text": {"zh": "请绕行", "en": "Take another way"},
        "cancel": {"zh": "解除", "en": "Over"},
        "level": "yellow",
        "everybody": True,
    },
    ("POST", "/api/v1/dispatches"): {"id": "d-12345678", "kind": "railing", "grade": "major"},
}
FILLED = {
    "{camera}": "gulou",
    "{case}": "case-none",
    "{entrance}": "north",
    "{broadcast}": "broadcast-none",
    "{zone}": "bridge",
    "{kind}": "zone",
    "{id}": "bridge",
    "{quantity}": "occupancy",
    "{photo}": "photo-none",
    "{dispatch}": "dispatch-none",
    "{act}": "take",
    "{event}": "lanterns",
    "{name}": "daily-2026-10-03.en.html",
}


def every_route(routes: list[BaseRoute]) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        found += every_route(inner) if inner else [route]
    return found


def endpoints(stage: Stage) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for route in every_route(stage.app.routes):
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
        elif isinstance(route, WebSocketRoute):
            found.add(("WS", route.path))
        else:
            assert isinstance(route, Mount), f"{route!r} is of a kind no policy covers"
            assert route.name == "page"
    return found


def test_every_endpoint_has_a_policy_and_every_policy_an_endpoint(stage: Stage) -> None:
    assert endpoints(stage) == set(POLICIES)


def filled(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path


async def knock(browser: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    if path == PHOTOS:
        picture = {"Content-Type": "image/jpeg"}
        return await browser.post(f"{path}?id=photo-0001", content=b"no", headers=picture)
    body = BODIES.get((method, path), {})
    return await browser.request(method, filled(path), json=None if method == "GET" else body)


def expected(access: object, role: str | None) -> set[int] | None:
    """The refusal that must come, or none where the door is open."""
    if access is Door.MACHINE:
        return {403}
    if access is Door.EVERYONE:
        return None
    if role is None:
        return {401}
    if isinstance(access, frozenset) and role not in access:
        return {403}
    return None


@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_endpoint_for_every_role(stage: Stage, role: str | None) -> None:
    async def story() -> None:
        async with started(stage), client(stage, address="192.0.2.7") as browser:
            if role is not None:
                stage.enrol(role)
                assert (await sign_in(browser, role)).status_code == 200
            for (method, path), access in POLICIES.items():
                if method == "WS" or (method, path) in SESSION_CHANGES:
                    continue
                answer = await knock(browser, method, path)
                refusal = expected(access, role)
                where = f"{role} {method} {path}: {answer.status_code} {answer.text[:200]}"
                if refusal is None:
                    assert answer.status_code not in {401, 403}, where
                else:
                    assert answer.status_code in refusal, where
                    assert answer.headers["content-type"] == "application/problem+json", where

    asyncio.run(story())


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_verb_that_an_endpoint_does_not_have_is_refused(
    stage: Stage, role: str | None
) -> None:
    paths = sorted({path for method, path in POLICIES if method != "WS"})

    async def story() -> None:
        async with started(stage), client(stage, address="192.0.2.7") as browser:
            if role is not None:
                stage.enrol(role)
                assert (await sign_in(browser, role)).status_code == 200
            before = len(stage.decisions), len(stage.noted)
            for path in paths:
                for method in METHODS:
                    if (method, path) in POLICIES:
                        continue
                    answer = await browser.request(method, filled(path), json={})
                    # A path such as photos/{photo}.jpg may lie beside another with that verb.
                    assert answer.status_code in {401, 403, 404, 405, 415, 422}, (method, path)
            assert (len(stage.decisions), len(stage.noted)) == before

    asyncio.run(story())


def test_an_endpoint_without_a_policy_lets_nobody_in(stage: Stage) -> None:
    from fastapi import APIRouter, Depends  # noqa: PLC0415 - only this test adds an endpoint

    from console.doors import enforce  # noqa: PLC0415 - only this test adds an endpoint

    router = APIRouter(dependencies=[Depends(enforce)])

    @router.get("/api/v1/forgotten")
    async def forgotten() -> str:
        return "open"

    stage.app.router.routes.insert(0, router.routes[0])
    stage.enrol("commander")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "commander")
            assert (await browser.get("/api/v1/forgotten")).status_code == 403

    asyncio.run(story())


def test_signing_in_gives_a_cookie_no_script_can_read(stage: Stage) -> None:
    stage.enrol("operator")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            answer = await sign_in(browser, "operator")
            assert answer.json() == {
                "person": "operator",
                "name": {"zh": "李明", "en": "李明"},
                "roles": ["operator"],
                "must_set_password": False,
            }
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith(f"{COOKIE}=")
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert (await browser.get("/api/v1/session")).json()["name"]["zh"] == "李明"
            assert (await browser.request("DELETE", "/api/v1/session", json={})).status_code == 204
            assert (await browser.get("/api/v1/session")).status_code == 401

    asyncio.run(story())


def test_a_one_time_password_is_replaced_by_ones_own(stage: Stage) -> None:
    once = stage.accounts.create_one_time_password("operator")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            assert (await sign_in(browser, "operator", once)).json()["must_set_password"] is True
            weak = await browser.put("/api/v1/session/password", json={"new": "short"})
            assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
            own = await browser.put("/api/v1/session/password", json={"new": PASSWORD})
            assert (own.status_code, own.json()["must_set_password"]) == (200, False)
            assert (await browser.get("/api/v1/session")).status_code == 200
            assert (await sign_in(browser, "operator", once)).status_code == 401
            assert (await sign_in(browser, "operator")).status_code == 200
            unproven = await browser.put("/api/v1/session/password", json={"new": PASSWORD + "2"})
            assert unproven.json()["code"] == "wrong_password"

    asyncio.run(story())


def test_guessing_is_slowed_by_person_and_by_address(stage: Stage, clock: ManualClock) -> None:
    stage.enrol("operator", "viewer")

    async def story() -> None:
        async with started(stage), client(stage, address="192.0.2.1") as guesser:
            for _ in range(FAILURES_ALLOWED):
                assert (await sign_in(guesser, "operator", "guess")).status_code == 401
            locked = await sign_in(guesser, "operator")
            assert (locked.status_code, locked.headers["retry-after"]) == (429, "60")
            for number in range(5):
                await sign_in(guesser, f"nobody-{number}", "guess")
            barred = await sign_in(guesser, "viewer")
            assert barred.status_code == 429
            assert 0 < int(barred.headers["retry-after"]) <= 61
            async with client(stage, address="192.0.2.2") as neighbour:
                assert (await sign_in(neighbour, "viewer")).status_code == 200
            clock.advance(62)
            assert (await sign_in(guesser, "viewer")).status_code == 200

    asyncio.run(story())


def test_a_wall_is_signed_in_for_a_year_and_only_looks(stage: Stage, clock: ManualClock) -> None:
    stage.enrol("commander", "responder")

    async def story() -> None:
        async with started(stage), client(stage) as wall:
            form = {"person": "commander", "password": PASSWORD, "wall": True}
            answer = await wall.post("/api/v1/session", json=form)
            assert answer.json()["roles"] == ["viewer"]
            clock.advance(timedelta(days=300).total_seconds())
            assert (await wall.get("/api/v1/session")).json()["roles"] == ["viewer"]
            assert (await wall.get("/api/v1/site")).status_code == 200
            decided = await wall.post("/api/v1/cases/case-none/acknowledge", json={})
            assert decided.status_code == 403
            assert stage.decisions == []
            await wall.post("/api/v1/session", json=form | {"person": "responder"})
            assert (await wall.get("/api/v1/site")).status_code == 403

    asyncio.run(story())


def test_every_act_at_the_door_is_noted(stage: Stage) -> None:
    stage.enrol("operator")

    async def story() -> None:
        async with started(stage), client(stage, address="192.0.2.1") as browser:
            await sign_in(browser, "operator", "guess")
            await sign_in(browser, "made-up-name", "guess")
            await sign_in(browser, "operator")
            await browser.request("DELETE", "/api/v1/session", json={})
            for _ in range(FAILURES_ALLOWED + 1):
                await sign_in(browser, "operator", "guess")

    asyncio.run(story())
    acts = [(one.act, one.actor) for one in stage.noted]
    assert acts[:4] == [
        (Act.SIGN_IN_FAILED, "operator"),
        (Act.SIGN_IN_FAILED, UNKNOWN),
        (Act.SIGNED_IN, "operator"),
        (Act.SIGNED_OUT, "operator"),
    ]
    assert acts[-1] == (Act.SIGN_IN_LOCKED, "operator")
    assert {one.address for one in stage.noted} == {"192.0.2.1"}


def test_nobody_passes_unnoted(stage: Stage) -> None:
    stage.enrol("operator")
    stage.diary_is_full = True

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            answer = await sign_in(browser, "operator")
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert (await browser.get("/api/v1/session")).status_code == 401

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "http://elsewhere.test"}, "not_same_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "not_same_origin"),
        ({"Content-Type": "text/plain"}, "not_json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "not_json"),
    ],
)
def test_a_foreign_page_can_order_nothing(stage: Stage, headers: dict[str, str], code: str) -> None:
    stage.enrol("operator")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "operator")
            headers.setdefault("Content-Type", "application/json")
            answer = await browser.post(
                "/api/v1/entrances/north/lower", content=b"{}", headers=headers
            )
            assert answer.json()["code"] == code
            assert stage.decisions == []

    asyncio.run(story())


def test_a_body_past_the_bound_is_refused(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage), client(stage) as browser:
            answer = await sign_in(browser, "operator", "x" * 100_000)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    asyncio.run(story())


def test_a_refused_form_is_told_where_but_never_repeated(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage), client(stage) as browser:
            secret = {"person": "Operator!", "password": "hunter2-hunter2"}
            answer = await browser.post("/api/v1/session", json=secret)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["where"] == "body.person"
            assert "hunter2" not in answer.text

    asyncio.run(story())


def test_a_person_struck_from_the_site_file_is_signed_out(stage: Stage) -> None:
    stage.enrol("viewer")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            del stage.app.state.context.people["viewer"]
            assert (await browser.get("/api/v1/site")).status_code == 401

    asyncio.run(story())


def test_metrics_are_for_this_machine_and_not_through_a_proxy(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage):
            async with client(stage) as here:
                answer = await here.get("/metrics")
                assert answer.status_code == 200
                assert "yinding_consoles 0.0" in answer.text
                proxied = await here.get("/metrics", headers={"X-Forwarded-For": "192.0.2.9"})
                assert proxied.status_code == 403
            async with client(stage, address="192.0.2.9") as there:
                assert (await there.get("/metrics")).status_code == 403

    asyncio.run(story())


def test_every_answer_carries_the_safety_headers(stage: Stage) -> None:
    async def story() -> None:
        async with started(stage), client(stage) as browser:
            for path in ("/healthz", "/api/v1/session", "/nowhere", "/public"):
                headers = (await browser.get(path)).headers
                policy = headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["cache-control"] in ("no-store", "public, max-age=5")

    asyncio.run(story())
