"""Messages: what a plan says on terminals, and the words that take it back."""

from __future__ import annotations

from alerts import wording
from alerts.quiet_hours import Loudness
from config.plans import Approval, Plan, PublicMessage
from model.actions import Broadcast
from model.cases import Case
from model.level import Level
from model.text import Bilingual

UNOWNED_PLAN = "unowned"
"""Names the site's low-risk message of the escalation clock among the plans that spoke."""


def public_plan(message: PublicMessage) -> Plan:
    """The site's low-risk message in the form of a plan, so that it is told again and taken back."""
    return Plan(
        id=UNOWNED_PLAN,
        hazard=UNOWNED_PLAN,
        level=Level.BLUE,
        approval=Approval.NONE,
        text=message.text,
        speech=message.speech,
        volume=message.volume,
        repeat_s=message.repeat_s,
        cancel=message.cancel,
        expires_s=message.expires_s,
    )


def words_of(plan: Plan, *, exercise: bool) -> tuple[Bilingual, str]:
    """What a plan shows and speaks; an exercise says so first."""
    text, speech = Bilingual(zh=plan.text.zh, en=plan.text.en), plan.speech
    if exercise:
        return wording.exercise_text(text), wording.exercise_speech(speech)
    return text, speech


def cancel_of(plan: Plan | None, *, exercise: bool) -> Bilingual:
    """The plan's own words that take it back; a plan gone from the site file has common ones."""
    text = (
        Bilingual(zh="提示解除", en="Alert withdrawn")
        if plan is None
        else Bilingual(zh=plan.cancel.zh, en=plan.cancel.en)
    )
    return wording.exercise_text(text) if exercise else text


def show(case: Case, plan: Plan, terminals: tuple[str, ...], loudness: Loudness) -> Broadcast:
    """What a plan tells, as loud as the hour allows."""
    text, speech = words_of(plan, exercise=case.exercise)
    return Broadcast(
        case=case.id,
        action="show",
        level=plan.level,
        terminals=terminals,
        text=text,
        speech=speech,
        volume=loudness.at_most(plan.volume, plan.level),
        repeat_s=plan.repeat_s,
        expires_s=plan.expires_s,
        exercise=case.exercise,
    )


def cancel(
    case: Case, plan: Plan | None, terminals: tuple[str, ...], loudness: Loudness
) -> Broadcast:
    """What takes a plan's message back, as loud as the hour allows."""
    return Broadcast(
        case=case.id,
        action="cancel",
        level=case.level if plan is None else plan.level,
        terminals=terminals,
        text=cancel_of(plan, exercise=case.exercise),
        volume=None if plan is None else loudness.at_most(plan.volume, plan.level),
        expires_s=600.0 if plan is None else plan.expires_s,
        exercise=case.exercise,
    )
