"""An operator's decision on its way to the desk, and the desk's answer on its way back."""

from __future__ import annotations

import asyncio
import secrets

from console.context import Context
from console.doors import Who
from console.ports import Accepted
from console.problems import Code, ProblemError
from model.facts import Decision, Message, Verb
from model.level import Level

ANSWER_WITHIN_S = 4.0


async def submit(
    context: Context,
    who: Who,
    verb: Verb,
    subject: str,
    *,
    decision: str | None = None,
    assignee: str | None = None,
    comment: str | None = None,
    hazard: str | None = None,
    level: Level | None = None,
    minutes: float | None = None,
    into: str | None = None,
    plan: str | None = None,
    item: int | None = None,
    people: int | None = None,
    message: Message | None = None,
) -> str:
    """Hand one decision in and wait for its commit; returns its id.

    A refusal is a problem with its named reason. Without an answer in time nobody knows whether
    it holds: the page says so, and the same decision id may safely be sent again.
    """
    made = Decision(
        at=context.clock.now(),
        id=decision or f"d-{secrets.token_hex(12)}",
        person=who.person,
        session=who.session,
        verb=verb,
        subject=subject,
        assignee=assignee,
        comment=comment,
        hazard=hazard,
        level=level,
        minutes=minutes,
        into=into,
        plan=plan,
        item=item,
        people=people,
        message=message,
    )
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            # A decision that was handed in is never taken back, also when its asker leaves.
            verdict = await asyncio.shield(context.desk.submit(made))
    except TimeoutError as error:
        raise ProblemError(Code.NO_ANSWER_IN_TIME, decision=made.id) from error
    if not isinstance(verdict, Accepted):
        raise ProblemError(Code.REFUSED, reason=verdict.reason, decision=made.id)
    return made.id
