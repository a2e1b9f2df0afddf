"""The site file's plans: what a level does, who must agree, and who is called when nobody answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.strict import DeviceId, Strict, Words
from model.level import Level


class Approval(StrEnum):
    """Who must agree before a plan acts."""

    NONE = "none"
    ONE = "one"
    TWO = "two"


class Plan(Strict):
    """What a level does in a zone: which terminals say what, which entrances' bollards rise.

    `terminals` is a list of ids, `zone` for those of the zone, or `all`; `groups` come on top.
    With `repeat_s` the words are spoken again every so many seconds while the message stands.
    `cancel` is the text that takes it back; a plan without it is not accepted. `approval` defaults to the safe side: two people.
    `call` are people who are reached when it begins, `checklist` what the room then works through.
    Entrances of a plan that needs nobody rise by themselves; those of another wait, once it was
    agreed to, until somebody arms and confirms.
    """

    id: DeviceId
    hazard: DeviceId
    zones: list[DeviceId] | Literal["all"] = "all"
    level: Level
    approval: Approval = Approval.TWO
    terminals: list[DeviceId] | Literal["zone", "all"] = "zone"
    groups: list[DeviceId] = []
    text: Words
    speech: Annotated[str, Field(max_length=1000)] = ""
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    repeat_s: Annotated[int, Field(ge=5, le=3600)] | None = None
    cancel: Words
    expires_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    raise_entrances: list[DeviceId] = []
    call: list[DeviceId] = []
    checklist: Annotated[list[Words], Field(max_length=50)] = []


class PublicMessage(Strict):
    """A message of low risk that the site lets out when nobody took a warning on."""

    text: Words
    speech: Annotated[str, Field(max_length=1000)] = ""
    volume: Annotated[int, Field(ge=0, le=100)] = 50
    repeat_s: Annotated[int, Field(ge=5, le=3600)] | None = None
    cancel: Words
    expires_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0


class Escalation(Strict):
    """Who is called while nobody takes a warning on, and after how many seconds.

    The second person and the commander are found by duty and roster. `outside` are people of the
    site file whom the last step calls; `public`, where it stands, then goes to the terminals of the
    zone that show nothing of the warning yet.
    """

    second_s: Annotated[float, Field(ge=5, le=3600)] = 30.0
    commander_s: Annotated[float, Field(ge=5, le=3600)] = 60.0
    outside_s: Annotated[float, Field(ge=5, le=7200)] = 120.0
    outside: list[DeviceId] = []
    public: PublicMessage | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.second_s < self.commander_s < self.outside_s:
            raise ValueError("`second_s`, `commander_s`, `outside_s` must grow")
        return self

    @property
    def at_s(self) -> tuple[float, float, float]:
        """After how many seconds each step is due."""
        return self.second_s, self.commander_s, self.outside_s
