"""Typing a message for terminals: to these, to groups, to zones or to everybody."""

from __future__ import annotations

import secrets
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from console.context import context_of
from console.decide import submit
from console.doors import Signed
from console.policy import COMMAND
from console.problems import Code, ProblemError
from console.routes.decisions import Form, OptionalCommentForm, PersonId, Taken
from console.views import Section
from model.facts import Message, Verb
from model.level import Level
from model.text import Bilingual

router = APIRouter(prefix="/api/v1", tags=["decisions"])

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Ids = Annotated[tuple[PersonId, ...], Field(max_length=200)]


class WordsForm(BaseModel):
    """What stands on the screen; neither language may be missing."""

    model_config = ConfigDict(extra="forbid")
    zh: Words
    en: Words

    def both(self) -> Bilingual:
        return Bilingual(zh=self.zh, en=self.en)


class BroadcastForm(Form):
    """A message with the words that take it back, where it goes, how loud and how long."""

    text: WordsForm
    cancel: WordsForm
    speech: Annotated[str, Field(max_length=900)] = ""
    level: Level
    minutes: Annotated[float, Field(gt=0, le=480)] = 10.0
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    repeat_s: Annotated[int, Field(ge=5, le=3600)] | None = None
    terminals: Ids = ()
    groups: Ids = ()
    zones: Ids = ()
    everybody: bool = False
    exercise: bool = False

    @model_validator(mode="after")
    def _takes_something_back(self) -> Self:
        if self.cancel == self.text:
            raise ValueError("`cancel` takes nothing back: it is the text itself")
        return self

    def message(self) -> Message:
        return Message(
            text=self.text.both(),
            cancel=self.cancel.both(),
            speech=self.speech.strip(),
            terminals=self.terminals,
            groups=self.groups,
            zones=self.zones,
            everybody=self.everybody,
            volume=self.volume,
            repeat_s=self.repeat_s,
            exercise=self.exercise,
        )


@router.post("/broadcasts")
async def broadcast(form: BroadcastForm, request: Request, who: Signed) -> Taken:
    """Tell terminals what was typed; what the public hears at red waits for a second person.

    An exercise is a commander's, as everywhere, and refused where a real warning stands.
    """
    if form.exercise and who.roles.isdisjoint(COMMAND):
        raise ProblemError(Code.NOT_ALLOWED)
    context = context_of(request.app)
    name = form.decision or f"d-{secrets.token_hex(12)}"
    taken = await submit(
        context,
        who,
        Verb.BROADCAST,
        name,
        decision=name,
        level=form.level,
        minutes=form.minutes,
        message=form.message(),
    )
    return Taken(decision=taken)


async def _standing(request: Request, who: Signed, verb: Verb, name: str, form: Form) -> Taken:
    context = context_of(request.app)
    if name not in context.live.room.cards[Section.ANNOUNCEMENTS]:
        raise ProblemError(Code.NOT_FOUND)
    return Taken(decision=await submit(context, who, verb, name, decision=form.decision))


@router.post("/broadcasts/{broadcast}/approve")
async def approve(
    broadcast: str, form: OptionalCommentForm, request: Request, who: Signed
) -> Taken:
    """Agree to a message that waits; by another person at another session than typed it."""
    return await _standing(request, who, Verb.APPROVE, broadcast, form)


@router.post("/broadcasts/{broadcast}/withdraw")
async def withdraw(
    broadcast: str, form: OptionalCommentForm, request: Request, who: Signed
) -> Taken:
    """Take a message back at once, or let one that waits be; one person is enough."""
    return await _standing(request, who, Verb.WITHDRAW, broadcast, form)
