"""Telling again: a message is renewed before it ends, at each terminal by when it was told there.

Who was heard keeps the message for most of its life. Who has not answered by half of it gets it
written anew: a terminal that comes back then shows it for long enough, and is not told the same
once more a moment later because those who heard it at once are due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alerts.cases import CaseFile
from config.plans import Plan

HEARD_SHARE = 0.8
"""A message that was heard is told again after this share of its life, so that it never goes out."""

UNHEARD_SHARE = 0.5
"""A message without an answer is written anew after this share of its life."""


def note(file: CaseFile, terminals: Iterable[str]) -> None:
    """These are being told now."""
    file.said_s.update(dict.fromkeys(terminals, file.lived_s))
    file.look_s = 0.0


def forget(file: CaseFile, terminals: Iterable[str]) -> None:
    """Nothing stands on these any more."""
    for terminal in terminals:
        file.said_s.pop(terminal, None)


def due(file: CaseFile, seconds: float, plans: Mapping[str, Plan]) -> dict[str, tuple[str, ...]]:
    """Let time pass; each plan whose message is to be told again now, with the terminals.

    The next look is put off to when the first can be due: a case may have told thousands.
    """
    file.lived_s += seconds
    if file.lived_s < file.look_s:
        return {}
    found: dict[str, list[str]] = {}
    file.look_s = float("inf")
    for terminal, plan_id in file.told.items():
        plan = plans.get(plan_id)
        if plan is None:
            continue
        share = UNHEARD_SHARE if terminal in file.unheard else HEARD_SHARE
        when_s = file.said_s.get(terminal, float("-inf")) + share * plan.expires_s
        if when_s <= file.lived_s:
            found.setdefault(plan_id, []).append(terminal)
        else:
            file.look_s = min(file.look_s, when_s)
    return {plan_id: tuple(found[plan_id]) for plan_id in sorted(found)}
