"""What goes wrong at the door, told by RFC 9457: a stable code, never the input and never a secret."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


class Code(StrEnum):
    """Why a request was not done; the page has words for each."""

    NOT_SIGNED_IN = "not_signed_in"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a code, not a secret
    WEAK_PASSWORD = "weak_password"  # noqa: S105 - a code, not a secret
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    NOT_SAME_ORIGIN = "not_same_origin"
    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    NO_ANSWER_IN_TIME = "no_answer_in_time"
    BUSY = "busy"
    NOT_READY = "not_ready"
    REFUSED = "refused"
    STALE = "stale"
    NOT_A_PICTURE = "not_a_picture"
    PICTURE_TOO_LARGE = "picture_too_large"
    ALBUM_FULL = "album_full"
    FAILED = "failed"


STATUS = {
    Code.NOT_SIGNED_IN: HTTPStatus.UNAUTHORIZED,
    Code.WRONG_PASSWORD: HTTPStatus.UNAUTHORIZED,
    Code.WEAK_PASSWORD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.TOO_MANY_ATTEMPTS: HTTPStatus.TOO_MANY_REQUESTS,
    Code.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.BAD_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NOT_SAME_ORIGIN: HTTPStatus.FORBIDDEN,
    Code.NOT_JSON: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.NO_ANSWER_IN_TIME: HTTPStatus.GATEWAY_TIMEOUT,
    Code.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.REFUSED: HTTPStatus.CONFLICT,
    Code.STALE: HTTPStatus.CONFLICT,
    Code.NOT_A_PICTURE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.PICTURE_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.ALBUM_FULL: HTTPStatus.INSUFFICIENT_STORAGE,
    Code.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_BY_STATUS = {
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
}

Extra = str | int | list[dict[str, str]]


class ProblemError(Exception):
    """A request that is answered with a problem."""

    def __init__(self, code: Code, **extra: Extra) -> None:
        super().__init__(code.value)
        self.code = code
        self.extra = extra


def answer(code: Code, **extra: Extra) -> JSONResponse:
    """The problem as an HTTP answer."""
    status = STATUS[code]
    headers = {}
    if code is Code.TOO_MANY_ATTEMPTS and "seconds" in extra:
        headers["Retry-After"] = str(extra["seconds"])
    body = {"type": f"/problems/{code.value}", "title": status.phrase, "status": int(status)}
    return JSONResponse(
        {**body, "code": code.value, **extra},
        status_code=int(status),
        media_type="application/problem+json",
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Answer every failure in one form."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, ProblemError):
            return answer(error.code, **error.extra)
        return answer(Code.FAILED)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        # The input itself is left out: it may hold a password.
        found = error.errors() if isinstance(error, RequestValidationError) else []
        errors = [
            {"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])}
            for one in found[:20]
        ]
        return answer(Code.BAD_REQUEST, errors=errors)

    async def plain(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return answer(_BY_STATUS.get(HTTPStatus(status), Code.BAD_REQUEST))

    app.add_exception_handler(ProblemError, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, problem)
