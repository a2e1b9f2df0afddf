"""Wiring of the conformance kit: the broker, the keys, and one device of the site file."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from devices.conformance.examination import Examination, Verdict
from devices.conformance.kinds import examine
from model.clock import Clock
from model.facts import DeviceKind
from service.exits import OutsideError, WrongUseError
from service.meeting_point import SERVICE, broker_for
from service.secrets_folder import NEXT_SUFFIX, next_key_id, signing_key_path
from service.site import LoadedSite
from wire.codec import Decoder
from wire.field_link import FieldLink, LinkLostError
from wire.keys import KeyFileError, load_key_file
from wire.signing import OrderSigner
from wire.topics import TOPIC_TABLE, Direction, Filter, Topics


async def conform(loaded: LoadedSite, *, kind: str, device: str, clock: Clock) -> dict[str, Any]:
    """Examine one device. Raises OutsideError where the broker does not let us in."""
    signer, next_signer = _signers(loaded)
    topics = Topics(loaded.site.site.id)
    address = broker_for(loaded, SERVICE)
    name = f"conform-{kind}-{device}"
    filters = [
        Filter(topic=f"{topics.root}/{row.pattern.replace('{id}', device)}", qos=1)
        for row in TOPIC_TABLE
        if row.kind == kind and row.direction is Direction.FROM_FIELD
    ]
    link = FieldLink(address, client_id=name, filters=filters)

    def later(topic: str) -> FieldLink:
        return FieldLink(address, client_id=f"{name}-later", filters=[Filter(topic=topic, qos=1)])

    try:
        async with link:
            exam = Examination(
                link,
                later,
                topics=topics,
                decoder=Decoder.for_site(loaded.site),
                signer=signer,
                next_signer=next_signer,
                kind=DeviceKind(kind),
                device=device,
                clock=clock,
                only_plays=kind == DeviceKind.TERMINAL and _only_plays(loaded, device),
            )
            listening = asyncio.create_task(exam.listen(), name=f"listens to {device}")
            try:
                await examine(exam)
            finally:
                listening.cancel()
    except LinkLostError as error:
        raise OutsideError(f"broker {address}: {error}") from error
    return _result(exam)


def _only_plays(loaded: LoadedSite, terminal: str) -> bool:
    return any(each.id == terminal and each.plays for each in loaded.site.terminals)


def bad_clauses(result: dict[str, Any]) -> list[str]:
    """The names of the clauses that failed."""
    return [each["name"] for each in result["clauses"] if each["verdict"] == Verdict.FAIL]


def _signers(loaded: LoadedSite) -> tuple[OrderSigner, OrderSigner]:
    """The key that signs today, and the one that devices hold for the next rotation."""
    site, tz = loaded.site, ZoneInfo(loaded.site.site.timezone)
    path = signing_key_path(site, loaded.folder)
    try:
        key = load_key_file(path)
        following = load_key_file(path.with_name(path.name + NEXT_SUFFIX))
    except KeyFileError as error:
        raise WrongUseError(str(error)) from error
    return (
        OrderSigner(key, site.keys.key_id, tz=tz),
        OrderSigner(following, next_key_id(site), tz=tz),
    )


def _result(exam: Examination) -> dict[str, Any]:
    counts = Counter(clause.verdict for clause in exam.clauses)
    return {
        "kind": exam.kind.value,
        "id": exam.device,
        "passed": counts[Verdict.PASS],
        "failed": counts[Verdict.FAIL],
        "not_tested": counts[Verdict.NOT_TESTED],
        "clauses": msgspec.to_builtins(exam.clauses),
    }
