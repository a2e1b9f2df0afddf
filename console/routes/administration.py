"""Administration: the site file edited in the browser, each part by those whose part it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from config.editing import HIDDEN, Change, Edited, StaleVersionError, UnknownThingError
from config.findings import SiteFileError
from config.grounds import Bearing, Ground, Metres
from console.calibrating import try_calibration
from console.context import Context, context_of
from console.diary import Act, Noted
from console.doors import Signed, Who
from console.policy import Role
from console.problems import Code, ProblemError
from console.routes.room import as_json

router = APIRouter(prefix="/api/v1/admin", tags=["administration"])

THINGS = frozenset({"zones", "cameras", "counters", "sensors", "terminals", "bollards", "rules"})
DUTY = frozenset({"plans", "catalogue"})
ThingId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]


trying = CapacityLimiter(1)
"""Hundreds of marks take a second: whoever drags them about leaves the other cores to the cameras."""


class Form(BaseModel):
    """A change of the file in the version that the editor saw; a preview saves nothing."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[str, Field(max_length=64)]
    preview: bool = False


class ThingForm(Form):
    """One thing as it shall be."""

    value: dict[str, Any]


class RosterForm(Form):
    """The whole roster as it shall be."""

    value: Annotated[list[dict[str, Any]], Field(max_length=500)]


class GroundForm(BaseModel):
    """A camera's ground as it shall be, and where the camera stands and looks if that is known."""

    model_config = ConfigDict(extra="forbid")
    ground: Ground
    at: tuple[Metres, Metres] | None = None
    bearing_deg: Bearing | None = None


@router.get("/site")
async def site(request: Request) -> Response:
    """What can be edited, without addresses' passwords; and the version that a change must name."""
    context = context_of(request.app)
    editor = context.editor
    if editor is None:
        raise ProblemError(Code.NOT_READY)
    version = await to_thread.run_sync(editor.version)
    shown = context.site.model_dump(mode="json", exclude_defaults=True)
    kinds = (*sorted(THINGS), *sorted(DUTY), "people", "roster")
    body: dict[str, object] = {kind: shown.get(kind, []) for kind in kinds}
    body["cameras"] = [
        {name: value for name, value in camera.items() if name not in HIDDEN}
        for camera in shown.get("cameras", [])
    ]
    return as_json(body | {"version": version, "writable": editor.writable})


async def _change(context: Context, who: Who, change: Change, form: Form) -> Response:
    editor = context.editor
    if editor is None:
        raise ProblemError(Code.NOT_READY)
    noted = Noted(
        at=context.clock.now(),
        actor=who.person,
        act=Act.SITE_EDITED,
        address=who.session,
        subject=f"{change.kind}/{change.id}"[:64],
    )
    if not form.preview and not context.desk.note(noted):
        raise ProblemError(Code.BUSY)
    made = await to_thread.run_sync(
        _tried, lambda: editor.change(change, version=form.version, preview=form.preview)
    )
    if made.saved:
        context.site_saved()
    return as_json(made)


def _tried(change: Callable[[], Edited]) -> Edited:
    try:
        return change()
    except StaleVersionError as error:
        raise ProblemError(Code.STALE) from error
    except UnknownThingError as error:
        raise ProblemError(Code.NOT_FOUND) from error
    except SiteFileError as error:
        errors = [
            {"where": one.field, "what": one.what, "right": one.right}
            for one in error.findings[:20]
        ]
        raise ProblemError(Code.BAD_REQUEST, errors=errors) from error


def _edited(part: str, kinds: frozenset[str], what: str) -> None:
    """Adding, changing and removing in one part of the site file; who may, the part's policy says."""

    @router.put(
        f"/{part}/{{kind}}/{{id}}", name=f"put_{part}", description=f"Add or change {what}."
    )
    async def put(
        kind: str,
        id: ThingId,  # noqa: A002
        form: ThingForm,
        request: Request,
        who: Signed,
    ) -> Response:
        if kind not in kinds:
            raise ProblemError(Code.NOT_FOUND)
        change = Change(kind=kind, id=id, value=form.value)
        return await _change(context_of(request.app), who, change, form)

    @router.delete(f"/{part}/{{kind}}/{{id}}", name=f"remove_{part}", description=f"Remove {what}.")
    async def remove(
        kind: str,
        id: ThingId,  # noqa: A002
        form: Form,
        request: Request,
        who: Signed,
    ) -> Response:
        if kind not in kinds:
            raise ProblemError(Code.NOT_FOUND)
        return await _change(context_of(request.app), who, Change(kind=kind, id=id), form)


_edited("things", THINGS, "a zone, camera, counter, sensor, terminal, bollard lane or rule")
_edited("duty", DUTY, "a plan, or a kind of problem with its owner")


@router.post("/ground")
async def try_ground(form: GroundForm) -> Response:
    """Try a camera's calibration out: what its marks tell. Nothing is saved."""
    tried = await to_thread.run_sync(
        lambda: try_calibration(form.ground, at=form.at, bearing_deg=form.bearing_deg),
        limiter=trying,
    )
    return as_json(tried)


@router.put("/roster")
async def put_roster(form: RosterForm, request: Request, who: Signed) -> Response:
    """Put the whole roster in place."""
    return await _change(
        context_of(request.app), who, Change(kind="roster", value=form.value), form
    )


@router.put("/people/{id}")
async def put_person(id: ThingId, form: ThingForm, request: Request, who: Signed) -> Response:  # noqa: A002
    """Add a person, or change name, roles and unit."""
    context = context_of(request.app)
    if id == who.person and Role.ADMIN.value not in form.value.get("roles", []):
        raise ProblemError(Code.REFUSED, reason="own_admin_role")
    return await _change(context, who, Change(kind="people", id=id, value=form.value), form)


@router.delete("/people/{id}")
async def remove_person(id: ThingId, form: Form, request: Request, who: Signed) -> Response:  # noqa: A002
    """Strike a person: every session of theirs ends at once."""
    context = context_of(request.app)
    if id == who.person:
        raise ProblemError(Code.REFUSED, reason="own_admin_role")
    answer = await _change(context, who, Change(kind="people", id=id), form)
    if not form.preview:
        await to_thread.run_sync(context.accounts.sign_out_everywhere, id)
    return answer


@router.post("/people/{id}/one-time")
async def one_time(id: ThingId, request: Request, who: Signed) -> Response:  # noqa: A002
    """A one-time password for somebody, shown once; their sessions go on until it is used."""
    context = context_of(request.app)
    if id not in context.people:
        raise ProblemError(Code.NOT_FOUND)
    noted = Noted(
        at=context.clock.now(),
        actor=who.person,
        act=Act.PASSWORD_SET,
        address=who.session,
        subject=id,
    )
    if not context.desk.note(noted):
        raise ProblemError(Code.BUSY)
    password = await to_thread.run_sync(context.accounts.create_one_time_password, id)
    return as_json({"password": password})
