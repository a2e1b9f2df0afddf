"""A camera's newest picture on its way out: the look is written down before anything is shown."""

from __future__ import annotations

from console.context import Context
from console.decide import submit
from console.doors import Who
from console.ports import Still
from console.problems import Code, ProblemError
from model.facts import Verb


async def look(context: Context, who: Who, camera: str) -> Still | None:
    """The newest still, none yet where nobody asked of late; asking keeps it coming for ten seconds."""
    if camera not in {known.id for known in context.site.cameras}:
        raise ProblemError(Code.NOT_FOUND)
    await write_down(context, who, camera)
    context.pictures.watch(camera)
    return context.pictures.latest(camera)


async def write_down(context: Context, who: Who, camera: str) -> None:
    """Put this look into the audit, unless it goes on from one that stands there."""
    mono = context.clock.monotonic()
    if context.looks.is_new(who.session, camera, mono):
        await submit(context, who, Verb.LOOK, camera)
        context.looks.written(who.session, camera, mono)


def headers_of(still: Still) -> dict[str, str]:
    """What is told beside a picture."""
    return {"X-Still-At": still.at.isoformat(), "X-Still-Sight": still.sight.value}
