"""What an inquiry asks for afterwards: a case as one timeline, and the chain of who did what."""

from __future__ import annotations

import asyncio

import msgspec

from model.cases import Change, Reason
from model.clock import ManualClock
from model.facts import ReceiptStage
from model.level import Level
from store.audit import AuditLine, walk
from tests.console.http import client, sign_in, started
from tests.console.scenes import RED_TEXT
from tests.console.stage import Stage


def test_a_case_is_told_as_one_timeline_of_steps_orders_and_receipts(
    stage: Stage, clock: ManualClock
) -> None:
    stage.enrol("viewer")
    case = stage.open_case("bridge", Level.RED)
    other = stage.open_case("houhai", Level.RED)
    clock.advance(1)
    order = stage.order("bridge-1", case, Level.RED, RED_TEXT)
    elsewhere = stage.order("bridge-1", other, Level.RED, RED_TEXT)
    stage.commit(orders=(order, elsewhere))
    for said in (ReceiptStage.RECEIVED, ReceiptStage.PLAYED):
        clock.advance(1)
        stage.receipt(order, said)
        stage.receipt(elsewhere, said)
    clock.advance(1)
    stage.step_case(case, Change.ACKNOWLEDGED, Reason.PERSON, actor="operator")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            answer = await browser.get(f"/api/v1/cases/{case}/timeline")
            lines = answer.json()["timeline"]
            assert [(line["sort"], line["actor"], line["what"]) for line in lines] == [
                ("step", "system", "opened"),
                ("order", "bridge-1", "show"),
                ("receipt", "bridge-1", "received"),
                ("receipt", "bridge-1", "played"),
                ("step", "operator", "acknowledged"),
            ]
            assert {line["order"] for line in lines if "order" in line} == {order.id}
            missing = await browser.get("/api/v1/cases/case-none/timeline")
            assert (missing.status_code, missing.json()["code"]) == (404, "not_found")

    asyncio.run(story())


def test_the_chain_is_read_page_by_page_and_each_hash_covers_the_one_before(
    stage: Stage, clock: ManualClock
) -> None:
    stage.enrol("commander")
    with stage.store.transaction() as tx:
        for number in range(5):
            tx.add_audit(
                at=clock.now(), actor="operator", act="acknowledge", subject=f"case-{number}"
            )

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "commander")
            first, second = [
                msgspec.json.decode(
                    (await browser.get("/api/v1/audit", params=page)).content,
                    type=dict[str, list[AuditLine]],
                )["links"]
                for page in ({"limit": 3}, {"after": 3})
            ]
            assert (len(first), len(second)) == (3, 2)
            links = [
                (serial, bytes(link.record), bytes.fromhex(link.hash))
                for serial, link in enumerate(first + second, start=1)
            ]
            assert walk(links) == stage.store.audit_verify()
            assert walk(links).broken_at is None
            bad = await browser.get("/api/v1/audit", params={"after": -1})
            assert (bad.status_code, bad.json()["code"]) == (422, "bad_request")

    asyncio.run(story())
