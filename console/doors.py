"""The door of every request: who asks, from which page, and whether the policy lets them in."""

from __future__ import annotations

import hmac
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from anyio import to_thread
from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from config.schema import Person
from config.strict import ShortWords, in_both
from console.context import Context, context_of
from console.photographs import TYPES
from console.policy import PHOTOS, PICTURES, POLICIES, Admission, Door, Role, admit
from console.problems import Code, ProblemError

COOKIE = "yinding_session"
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD"})


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in person behind a request."""

    person: str
    name: ShortWords
    roles: frozenset[Role]
    session: str
    token: str
    wall: bool = False


def roles_of(person: Person, *, wall: bool) -> frozenset[Role]:
    """A person's roles; before a wall everybody who may look is a viewer, and nobody more."""
    roles = frozenset(Role(role) for role in person.roles)
    if not wall:
        return roles
    return frozenset() if roles.isdisjoint(PICTURES) else frozenset({Role.VIEWER})


async def who_is(connection: HTTPConnection, context: Context) -> Who | None:
    """The person of the session cookie; none for no, ended or foreign sessions.

    Roles are read from the site file at every request, so that a change there holds at once.
    """
    token = connection.cookies.get(COOKIE)
    if not token or len(token) > 200:
        return None
    session = await to_thread.run_sync(context.accounts.session, token)
    if session is None:
        return None
    person = context.people.get(session.person)
    if person is None:
        return None
    return Who(
        person=person.id,
        name=in_both(person.name),
        roles=roles_of(person, wall=session.wall),
        session=session.id,
        token=token,
        wall=session.wall,
    )


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a browser sent this from our own page; clients that are no browser say nothing."""
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def _machine(request: Request, context: Context) -> bool:
    """Whether the asker stands on this machine (not behind a proxy) or holds the metrics token."""
    if context.metrics_token:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {context.metrics_token}".encode()):
            return True
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded and request.client is not None and request.client.host in _LOOPBACK


def _types_of(route: object) -> frozenset[str]:
    """What a form of another page could send is refused: neither JSON nor pictures are."""
    return TYPES if getattr(route, "path", "") == PHOTOS else frozenset({"application/json"})


async def enforce(request: Request) -> None:
    """Let a request in or answer it with a problem. It stands before every endpoint."""
    context = context_of(request.app)
    route = request.scope.get("route")
    access = POLICIES.get((request.method, getattr(route, "path", "")))
    if request.method not in _SAFE:
        if not same_origin(request):
            raise ProblemError(Code.NOT_SAME_ORIGIN)
        if request.headers.get("content-type", "").partition(";")[0] not in _types_of(route):
            raise ProblemError(Code.NOT_JSON)
    if access is Door.MACHINE:
        if not _machine(request, context):
            raise ProblemError(Code.NOT_ALLOWED)
        return
    who = None if access is Door.EVERYONE else await who_is(request, context)
    admission = admit(access, None if who is None else who.roles)
    if admission is Admission.NOT_SIGNED_IN:
        raise ProblemError(Code.NOT_SIGNED_IN)
    if admission is not Admission.ADMITTED:
        raise ProblemError(Code.NOT_ALLOWED)
    request.state.who = who


def signed_in(request: Request) -> Who:
    """The person whom `enforce` let in."""
    who = request.state.who
    if not isinstance(who, Who):
        raise ProblemError(Code.NOT_SIGNED_IN)
    return who


Signed = Annotated[Who, Depends(signed_in)]
