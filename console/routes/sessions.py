"""Signing in and out, and one's own password."""

from __future__ import annotations

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from config.strict import ShortWords, in_both
from console.context import Context, context_of
from console.diary import UNKNOWN, Act, Noted
from console.doors import COOKIE, Signed, Who, roles_of
from console.problems import Code, ProblemError
from store.people import SESSION_FOR, WALL_FOR, Attempt, SignIn, WeakPasswordError

router = APIRouter(prefix="/api/v1/session", tags=["session"])

Password = Annotated[str, Field(min_length=1, max_length=200)]

# Argon2 is made to be slow: two at once, a short queue, and the rest are told to come back.
_hashing = CapacityLimiter(2)
_HASHING_WAITING = 8
_ONE_TIME_KEPT = 1000


class SignInForm(BaseModel):
    """Who signs in, and how they prove it."""

    model_config = ConfigDict(extra="forbid")
    person: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    password: Password
    wall: bool = False
    """A screen on a wall: signed in for a year, and good for looking only."""


class PasswordForm(BaseModel):
    """A new password; the current one unless the session began with a one-time password."""

    model_config = ConfigDict(extra="forbid")
    new: Password
    current: Password | None = None


class Me(BaseModel):
    """The signed-in person."""

    person: str
    name: ShortWords
    roles: list[str]
    must_set_password: bool = False


def _me(context: Context, who: Who) -> Me:
    return Me(
        person=who.person,
        name=who.name,
        roles=sorted(who.roles),
        must_set_password=who.session in context.one_time,
    )


def _note(context: Context, act: Act, person: str, address: str) -> None:
    """Write an act at the door down. Nobody passes unnoted: a full diary closes the door."""
    actor = person if person in context.people else UNKNOWN
    noted = Noted(at=context.clock.now(), actor=actor, act=act, address=address)
    if not context.desk.note(noted):
        raise ProblemError(Code.BUSY)


async def _attempt(
    context: Context, address: str, person: str, password: str, *, wall: bool = False
) -> Attempt:
    wait_s = context.throttle.wait_s(address, context.clock.monotonic())
    if wait_s:
        raise ProblemError(Code.TOO_MANY_ATTEMPTS, seconds=wait_s)
    if _hashing.statistics().tasks_waiting >= _HASHING_WAITING:
        raise ProblemError(Code.BUSY)
    attempt = await to_thread.run_sync(
        lambda: context.accounts.sign_in(person, password, wall=wall), limiter=_hashing
    )
    if attempt.outcome is SignIn.LOCKED:
        context.throttle.failed(address, context.clock.monotonic())
        _note(context, Act.SIGN_IN_LOCKED, person, address)
        raise ProblemError(Code.TOO_MANY_ATTEMPTS, seconds=60)
    if attempt.outcome is SignIn.WRONG or attempt.session is None:
        context.throttle.failed(address, context.clock.monotonic())
        _note(context, Act.SIGN_IN_FAILED, person, address)
        raise ProblemError(Code.WRONG_PASSWORD)
    return attempt


def _give_cookie(request: Request, response: Response, token: str, *, wall: bool) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int((WALL_FOR if wall else SESSION_FOR).total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def _begin(context: Context, request: Request, response: Response, attempt: Attempt) -> Me:
    session = attempt.session
    person = None if session is None else context.people.get(session.person)
    if session is None or person is None or attempt.token is None:
        # The account outlived the person's line in the site file.
        raise ProblemError(Code.WRONG_PASSWORD)
    if attempt.outcome is SignIn.MUST_CHANGE:
        if len(context.one_time) >= _ONE_TIME_KEPT:
            context.one_time.clear()
        context.one_time.add(session.id)
    _give_cookie(request, response, attempt.token, wall=session.wall)
    return Me(
        person=person.id,
        name=in_both(person.name),
        roles=sorted(roles_of(person, wall=session.wall)),
        must_set_password=session.id in context.one_time,
    )


def _address(request: Request) -> str:
    return "unknown" if request.client is None else request.client.host


@router.post("")
async def sign_in(form: SignInForm, request: Request, response: Response) -> Me:
    """Sign in; the session lives in a cookie that no script can read."""
    context, address = context_of(request.app), _address(request)
    attempt = await _attempt(context, address, form.person, form.password, wall=form.wall)
    me = _begin(context, request, response, attempt)
    _note(context, Act.SIGNED_IN, form.person, address)
    return me


@router.get("")
async def me(request: Request, who: Signed) -> Me:
    """Who is signed in."""
    return _me(context_of(request.app), who)


@router.delete("", status_code=204)
async def sign_out(request: Request, response: Response, who: Signed) -> None:
    """End this session."""
    context = context_of(request.app)
    await to_thread.run_sync(context.accounts.sign_out, who.token)
    context.one_time.discard(who.session)
    _note(context, Act.SIGNED_OUT, who.person, _address(request))
    response.delete_cookie(COOKIE, path="/")


@router.put("/password")
async def set_password(form: PasswordForm, request: Request, response: Response, who: Signed) -> Me:
    """Set one's own password; other sessions of the person end, this one begins anew."""
    context = context_of(request.app)
    address = _address(request)
    if who.session not in context.one_time:
        if form.current is None:
            raise ProblemError(Code.WRONG_PASSWORD)
        await _attempt(context, address, who.person, form.current)
    try:
        await to_thread.run_sync(
            context.accounts.set_password, who.person, form.new, limiter=_hashing
        )
    except WeakPasswordError as error:
        raise ProblemError(Code.WEAK_PASSWORD) from error
    _note(context, Act.PASSWORD_SET, who.person, address)
    context.one_time.discard(who.session)
    attempt = await _attempt(context, address, who.person, form.new, wall=who.wall)
    return _begin(context, request, response, attempt)
