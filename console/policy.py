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
FIELD: Final = DECIDE | {Role.RESPONDER}
"""Who reports problems and works on them."""
PROBLEMS: Final = ROOM | {Role.RESPONDER}
"""Who sees reported problems; a responder sees those of the own unit and the own reports."""
EDIT_SITE: Final = frozenset({Role.INTEGRATOR})
EDIT_PEOPLE: Final = frozenset({Role.ADMIN})
EDIT_DUTY: Final = frozenset({Role.COMMANDER})
ADMINISTER: Final = EDIT_SITE | EDIT_PEOPLE | EDIT_DUTY
"""Who opens the administration; each edits there what the role may."""
SHARED: Final = PICTURES | {Role.RESPONDER}
"""Who sees pictures as they leave the room: coarse wherever people were counted."""
AUDIT: Final = frozenset({Role.COMMANDER, Role.ADMIN})
COMMAND: Final = frozenset({Role.COMMANDER})

PHOTOS: Final = "/api/v1/photos"
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
    ("GET", "/api/v1/cases/{case}/timeline"): ROOM,
    ("GET", "/api/v1/audit"): AUDIT,
    ("GET", "/api/v1/orders"): ROOM,
    ("GET", "/api/v1/series/{kind}/{id}/{quantity}"): ROOM,
    ("GET", "/api/v1/past"): ROOM,
    ("GET", "/api/v1/capacity"): ROOM,
    ("GET", "/api/v1/forecast"): ROOM,
    ("GET", "/api/v1/events"): ROOM,
    ("GET", "/api/v1/reports"): ROOM,
    ("GET", "/api/v1/reports/{name}"): ROOM,
    ("PUT", "/api/v1/events/{event}"): DECIDE,
    ("DELETE", "/api/v1/events/{event}"): DECIDE,
    LIVE: ROOM,
    ("POST", "/api/v1/cases/{case}/acknowledge"): DECIDE,
    ("POST", "/api/v1/cases/{case}/unacknowledge"): DECIDE,
    ("POST", "/api/v1/cases/{case}/assign"): DECIDE,
    ("POST", "/api/v1/cases/{case}/comment"): DECIDE,
    ("POST", "/api/v1/cases/{case}/approve"): DECIDE,
    ("POST", "/api/v1/cases/{case}/close"): DECIDE,
    ("POST", "/api/v1/cases/{case}/shelve"): COMMAND,
    ("POST", "/api/v1/cases/{case}/unshelve"): COMMAND,
    ("POST", "/api/v1/cases/{case}/merge"): DECIDE,
    ("POST", "/api/v1/cases/{case}/separate"): DECIDE,
    ("POST", "/api/v1/cases/{case}/check"): DECIDE,
    ("POST", "/api/v1/cases/{case}/withdraw"): DECIDE,
    ("POST", "/api/v1/zones/{zone}/call"): DECIDE,
    ("POST", "/api/v1/zones/{zone}/exercise"): COMMAND,
    ("POST", "/api/v1/zones/{zone}/count"): DECIDE,
    ("POST", "/api/v1/entrances/{entrance}/arm"): DECIDE,
    ("POST", "/api/v1/entrances/{entrance}/confirm"): DECIDE,
    ("POST", "/api/v1/broadcasts"): DECIDE,
    ("POST", "/api/v1/broadcasts/{broadcast}/approve"): DECIDE,
    ("POST", "/api/v1/broadcasts/{broadcast}/withdraw"): DECIDE,
    ("GET", "/api/v1/duty"): ROOM | FIELD,
    ("POST", "/api/v1/duty/on"): FIELD,
    ("POST", "/api/v1/duty/off"): FIELD,
    ("POST", "/api/v1/entrances/{entrance}/lower"): DECIDE,
    ("POST", "/api/v1/entrances/{entrance}/stop"): DECIDE,
    ("GET", "/api/v1/cameras/{camera}/shared.jpg"): SHARED,
    ("POST", "/api/v1/photos"): FIELD,
    ("GET", "/api/v1/photos/{photo}.jpg"): PROBLEMS,
    ("GET", "/api/v1/mine"): PROBLEMS,
    ("POST", "/api/v1/mine/cases/{case}/confirm"): FIELD,
    ("GET", "/api/v1/dispatches"): PROBLEMS,
    ("POST", "/api/v1/dispatches"): FIELD,
    ("GET", "/api/v1/dispatches/{dispatch}"): PROBLEMS,
    ("POST", "/api/v1/dispatches/{dispatch}/{act}"): FIELD,
    ("GET", "/api/v1/admin/site"): ADMINISTER,
    ("PUT", "/api/v1/admin/things/{kind}/{id}"): EDIT_SITE,
    ("DELETE", "/api/v1/admin/things/{kind}/{id}"): EDIT_SITE,
    ("POST", "/api/v1/admin/ground"): EDIT_SITE,
    ("PUT", "/api/v1/admin/people/{id}"): EDIT_PEOPLE,
    ("DELETE", "/api/v1/admin/people/{id}"): EDIT_PEOPLE,
    ("POST", "/api/v1/admin/people/{id}/one-time"): EDIT_PEOPLE,
    ("PUT", "/api/v1/admin/duty/{kind}/{id}"): EDIT_DUTY,
    ("DELETE", "/api/v1/admin/duty/{kind}/{id}"): EDIT_DUTY,
    ("PUT", "/api/v1/admin/roster"): EDIT_DUTY,
    ("GET", "/api/v1/openapi.json"): Door.SIGNED_IN,
    ("GET", "/healthz"): Door.EVERYONE,
    ("GET", "/readyz"): Door.EVERYONE,
    ("GET", "/metrics"): Door.MACHINE,
    ("GET", "/cap"): ROOM,
    ("GET", "/cap/{identifier}"): ROOM,
    ("GET", "/public"): Door.EVERYONE,
    ("GET", "/public/audio/{name}"): Door.EVERYONE,
    ("GET", "/"): Door.EVERYONE,
    ("GET", "/wall"): Door.EVERYONE,
    ("GET", "/phone"): Door.EVERYONE,
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
