"""Reported problems: who may do what with them, and how every console hears of each step."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from anyio import to_thread

from config.schema import SiteFile
from console.context import Context
from console.diary import Act as DiaryAct
from console.diary import Noted
from console.doors import Who
from console.policy import DECIDE, ROOM
from console.problems import Code, ProblemError
from console.views import DispatchCard
from model.dispatch import Act, Dispatch, Refusal, Step, after, passed_on, refusal_of

CLOSED_SHOWN = timedelta(days=1)
TIDY_EVERY_S = 3600.0
FROM_DESK_ONLY = frozenset({Act.RETURNED})
_AGAIN = 4


def card_of(dispatch: Dispatch, site: SiteFile) -> DispatchCard:
    """A problem as shown."""
    weekly_from, escalated_from = passed_on(dispatch, ZoneInfo(site.site.timezone))
    return DispatchCard(
        dispatch=dispatch,
        cell=dispatch.cell,
        weekly_from=weekly_from,
        escalated_from=escalated_from,
    )


def unit_of(context: Context, who: Who) -> str | None:
    """The unit that a person works for."""
    person = context.people.get(who.person)
    return None if person is None else person.unit


def sees(context: Context, who: Who, dispatch: Dispatch) -> bool:
    """The room sees every problem; people outside those of their unit and their own reports."""
    if not who.roles.isdisjoint(ROOM):
        return True
    mine = who.person in (dispatch.reporter, dispatch.taken_by)
    return mine or dispatch.unit == unit_of(context, who)


def may(context: Context, who: Who, dispatch: Dispatch, act: Act) -> bool:
    """The desk may do everything; people outside work on what is their unit's or their own."""
    if not who.roles.isdisjoint(DECIDE):
        return True
    return act not in FROM_DESK_ONLY and sees(context, who, dispatch)


async def found(context: Context, who: Who, dispatch_id: str) -> Dispatch:
    """A problem that this person may see."""
    dispatch = await to_thread.run_sync(context.dispatches.one, dispatch_id)
    if dispatch is None or not sees(context, who, dispatch):
        raise ProblemError(Code.NOT_FOUND)
    return dispatch


async def step(
    context: Context,
    who: Who,
    dispatch_id: str,
    act: Act,
    *,
    note: str | None,
    photos: tuple[str, ...],
    unit: str | None = None,
) -> Dispatch:
    """Make one step; the same step sent again over a bad line has the effect of one."""
    for _ in range(_AGAIN):
        before = await found(context, who, dispatch_id)
        made = Step(
            at=context.clock.now(),
            actor=who.person,
            act=act,
            unit=unit or before.unit,
            note=note,
            photos=photos,
        )
        if _is_repeat(before, made):
            return before
        if not may(context, who, before, act):
            raise ProblemError(Code.REFUSED, reason=Refusal.NOT_YOURS.value)
        refusal = refusal_of(before, act, note, unit)
        if refusal is not None:
            raise ProblemError(Code.REFUSED, reason=refusal.value)
        following = after(before, made)
        if await save(context, who, following, expected_steps=len(before.steps)):
            return following
    raise ProblemError(Code.BUSY)


def _is_repeat(dispatch: Dispatch, made: Step) -> bool:
    last = dispatch.steps[-1] if dispatch.steps else None
    return last is not None and (last.actor, last.act, last.unit, last.note, last.photos) == (
        made.actor,
        made.act,
        made.unit,
        made.note,
        made.photos,
    )


async def save(context: Context, who: Who, dispatch: Dispatch, *, expected_steps: int) -> bool:
    """Write a step to disk and to the audit, then tell every console. False: somebody was first."""
    noted = Noted(
        at=context.clock.now(),
        actor=who.person,
        act=DiaryAct.DISPATCH_STEP,
        address=who.session,
        subject=f"{dispatch.id}/{dispatch.steps[-1].act.value}",
    )
    if not context.desk.note(noted):
        raise ProblemError(Code.BUSY)
    saved = await to_thread.run_sync(
        lambda: context.dispatches.save(dispatch, expected_steps=expected_steps)
    )
    if saved:
        context.live.show_dispatches({dispatch.id: card_of(dispatch, context.site)})
    return saved


async def keep_dispatches(context: Context) -> None:
    """Show what is open from the start, let go of what is long closed, and of old photographs."""
    while True:
        now = context.clock.now()
        listed = await to_thread.run_sync(
            lambda since: context.dispatches.listed(since=since), now - CLOSED_SHOWN
        )
        cards = {one.id: card_of(one, context.site) for one in listed}
        context.live.show_dispatches(cards, whole=True)
        await to_thread.run_sync(context.dispatches.forget_photos, _photos_since(context, now))
        await asyncio.sleep(TIDY_EVERY_S)


def _photos_since(context: Context, now: datetime) -> datetime:
    return now - timedelta(days=context.site.store.keep_days)
