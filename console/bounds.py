"""No request is larger than anything the console could need."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from console.problems import Code, answer


class BoundedBodies:
    """Answers a request that announces too much with a problem, before any of it is read.

    Bodies that announce no length are bounded while they are read, by the application itself.
    """

    def __init__(
        self, app: ASGIApp, bytes_at_most: int, larger: Mapping[str, int] | None = None
    ) -> None:
        """`larger` names the few paths that take more, such as photographs."""
        self._app = app
        self._bytes_at_most = bytes_at_most
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            length = Headers(scope=scope).get("content-length", "0")
            if not length.isdecimal() or int(length) > self._larger.get(
                scope["path"], self._bytes_at_most
            ):
                await answer(Code.TOO_LARGE)(scope, receive, send)
                return
        await self._app(scope, receive, send)
