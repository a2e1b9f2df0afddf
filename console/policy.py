"""Who may do what: one table for every endpoint, and no endpoint without a line in it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is at the site, as the site file says."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    COMMANDER = "commander"
    RESPONDER = "responder"
    INTEGRATOR = "integrator"
    ADMIN = "admin"


class Door(StrEnum):
    """Endpoints that no role decides."""

    EVERYONE = "everyone"
    SIGNED_IN = "signed_in"
    MACHINE = "machine"


Access = Door | frozenset[Role]

ROOM: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.COMMANDER, Role.INTEGRATOR, Role.ADMIN})
"""Who looks into the room. A responder sees own orders and dispatches only."""
PICTURES: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.COMMANDER, Role.INTEGRATOR})
DECIDE: Final = frozenset({Role.OPERATOR, Role.COMMANDER})

LIVE: Final = ("WS", "/api/v1/live")
WATCHING: Final = ("WS", "/api/v1/cameras/{camera}/live")

POLICIES: Final[dict[tuple[str, str], Access]] = {
    ("POST", "/api/v1/session"): Door.EVERYONE,
    ("GET", "/api/v1/session"): Door.SIGNED_IN,
    ("DELETE", "/api/v1/session"): Door.SIGNED_IN,
    ("PUT", "/api/v1/session/password"): Door.SIGNED_IN,
    ("GET", "/api/v1/site"): ROOM,
    ("GET", "/api/v1/zones"): ROOM,
    ("GET", "/api/v1/cameras"): ROOM,
    ("GET", "/api/v1/cameras/{camera}/still.jpg"): PICTURES,
    WATCHING: PICTURES,
    ("GET", "/api/v1/cases"): ROOM,
    ("GET", "/api/v1/cases/{case}"): ROOM,
    ("GET", "/api/v1/cases/{case}/transitions"): ROOM,
    ("GET", "/api/v1/orders"): ROOM,
    ("GET", "/api/v1/series/{kind}/{id}/{quantity}"): ROOM,
    LIVE: ROOM,
    ("POST", "/api/v1/cases/{case}/acknowledge"): DECIDE,
    ("POST", "/api/v1/cases/{case}/unacknowledge"): DECIDE,
    ("POST", "/api/v1/cases/{case}/assign"): DECIDE,
    ("POST", "/api/v1/cases/{case}/comment"): DECIDE,
    ("POST", "/api/v1/cases/{case}/approve"): DECIDE,
    ("POST", "/api/v1/cases/{case}/close"): DECIDE,
    ("POST", "/api/v1/entrances/{entrance}/lower"): DECIDE,
    ("POST", "/api/v1/entrances/{entrance}/stop"): DECIDE,
    ("GET", "/api/v1/openapi.json"): Door.SIGNED_IN,
    ("GET", "/healthz"): Door.EVERYONE,
    ("GET", "/readyz"): Door.EVERYONE,
    ("GET", "/metrics"): Door.MACHINE,
    ("GET", "/public"): Door.EVERYONE,
    ("GET", "/"): Door.EVERYONE,
    ("GET", "/wall"): Door.EVERYONE,
}


class Admission(StrEnum):
    """Whether somebody may pass, and why not."""

    ADMITTED = "admitted"
    NOT_SIGNED_IN = "not_signed_in"
    ROLE_LACKING = "role_lacking"
    NO_POLICY = "no_policy"


def admit(access: Access | None, roles: frozenset[Role] | None) -> Admission:
    """Judge one request; `roles` is none where nobody is signed in. No policy, no entry."""
    if access is None or access is Door.MACHINE:
        return Admission.NO_POLICY
    if access is Door.EVERYONE:
        return Admission.ADMITTED
    if roles is None:
        return Admission.NOT_SIGNED_IN
    if access is Door.SIGNED_IN or not roles.isdisjoint(access):
        return Admission.ADMITTED
    return Admission.ROLE_LACKING
