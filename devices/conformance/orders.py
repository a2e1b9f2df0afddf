"""What terminals and lanes have in common: how they judge an order before they obey it."""

from __future__ import annotations

from typing import cast

import msgspec

from devices.conformance.examination import Examination
from model.facts import BollardReceipt, DeviceKind, TerminalReceipt
from model.orders import BollardOrder, Motion, TerminalOrder

Receipt = TerminalReceipt | BollardReceipt


def harmless(exam: Examination, **changes: object) -> TerminalOrder | BollardOrder:
    """An order that may be obeyed any number of times."""
    if exam.kind is DeviceKind.TERMINAL:
        return exam.show(**changes)
    return exam.move(Motion.REPORT, **changes)


def receipts_of(exam: Examination, order: str) -> list[Receipt]:
    """What the device said on one order so far."""
    said: list[Receipt] = [*exam.words(TerminalReceipt), *exam.words(BollardReceipt)]
    return [each for each in said if each.order == order]


def outcome(receipt: Receipt) -> str:
    """`received`, `done`, `refused:stale`, …"""
    what = receipt.stage if isinstance(receipt, TerminalReceipt) else receipt.result
    return what.value if receipt.reason is None else f"{what.value}:{receipt.reason}"


async def first_receipt(exam: Examination, order: str) -> Receipt | None:
    """The first word on an order, None where none comes."""

    def found() -> Receipt | None:
        said = receipts_of(exam, order)
        return said[0] if said else None

    return cast("Receipt | None", await exam.wait_for(found))


def told(receipt: Receipt | None) -> str:
    """An outcome for a person to read."""
    return "no receipt" if receipt is None else outcome(receipt)


async def examine_orders(exam: Examination) -> None:
    """Signature, repeat, counter and expiry, in the contract's order."""
    good = harmless(exam)
    payload = await exam.send_order(good)
    first = await first_receipt(exam, good.id)
    exam.judge(
        "signed_obeyed",
        "an order signed by the service is answered",
        holds=first is not None and not outcome(first).startswith("refused"),
        detail=told(first),
    )
    if first is None:
        return  # a device that does not answer proves nothing by its silence either
    await _repeat(exam, good, payload)
    await _refusals(exam)
    await _forgeries(exam, payload)
    await _extras(exam)


async def _repeat(exam: Examination, good: TerminalOrder | BollardOrder, payload: bytes) -> None:
    """The same order again: a receipt that was sent before, and nothing new."""
    before = len(receipts_of(exam, good.id))
    outcomes = {outcome(each) for each in receipts_of(exam, good.id)}
    await exam.send(payload)

    def again() -> Receipt | None:
        said = receipts_of(exam, good.id)
        return said[before] if len(said) > before else None

    repeated = cast("Receipt | None", await exam.wait_for(again))
    usual = outcomes | {"received", "played", "done"}
    if exam.only_plays:
        usual.add("failed:no_audio")
    exam.judge(
        "repeat_same_receipt",
        "an order that was handled brings its receipt again and no action",
        holds=repeated is not None and outcome(repeated) in usual,
        detail=told(repeated),
    )


async def _refusals(exam: Examination) -> None:
    stale = harmless(exam, counter=1)
    await exam.send_order(stale)
    exam.judge(
        "stale_refused",
        "a counter that is not above the highest is refused as `stale`",
        holds=told(receipt := await first_receipt(exam, stale.id)) == "refused:stale",
        detail=told(receipt),
    )
    late = harmless(exam, issued=exam.before(), expires=exam.before())
    await exam.send_order(late)
    exam.judge(
        "expired_refused",
        "an order past its expiry is refused as `expired`",
        holds=told(receipt := await first_receipt(exam, late.id)) == "refused:expired",
        detail=told(receipt),
    )
    back = takes_back(exam, issued=exam.before(), expires=exam.before())
    await exam.send_order(back)
    receipt = await first_receipt(exam, back.id)
    exam.judge(
        "stop_and_cancel_late",
        "a `cancel` or `stop` is obeyed past its expiry",
        holds=receipt is not None and not outcome(receipt).startswith("refused"),
        detail=told(receipt),
    )


def takes_back(exam: Examination, **changes: object) -> TerminalOrder | BollardOrder:
    """An order that withdraws or stops."""
    if exam.kind is DeviceKind.TERMINAL:
        return exam.show(action="cancel", speech="", **changes)
    return exam.move(Motion.STOP, **changes)


async def _forgeries(exam: Examination, good: bytes) -> None:
    """Orders that are not ours bring nothing, not even a receipt."""
    for name, says, forged in _forged(exam, good):
        await exam.send(forged.payload)
        follower = harmless(exam)
        await exam.send_order(follower)
        after = await first_receipt(exam, follower.id)
        answered = receipts_of(exam, forged.order)
        exam.judge(
            name,
            says,
            holds=after is not None and not answered,
            detail="answered: " + outcome(answered[0]) if answered else "the next order was lost",
        )


class _Forged(msgspec.Struct, frozen=True):
    order: str
    payload: bytes


def _forged(exam: Examination, good: bytes) -> list[tuple[str, str, _Forged]]:
    def signed(order: TerminalOrder | BollardOrder, topic: str = exam.order_topic) -> bytes:
        return exam.signer.sign(topic, order)

    flipped = harmless(exam)
    members = msgspec.json.decode(signed(flipped))
    members["expires"] = members["expires"].replace("20", "21", 1)
    unsigned = harmless(exam)
    bare = msgspec.json.decode(signed(unsigned))
    del bare["signature"]
    elsewhere = harmless(exam)
    other = exam.topics.order(exam.kind, "conform-other")
    unknown = harmless(exam)
    stranger = msgspec.json.decode(signed(unknown)) | {"key": "conform-nobody"}
    twice = harmless(exam)
    doubled = signed(twice)
    doubled = doubled[:-1] + b',"id":"' + twice.id.encode() + b'"}'
    return [
        (
            "changed_not_answered",
            "an order changed after signing brings no receipt",
            _Forged(flipped.id, msgspec.json.encode(members)),
        ),
        (
            "unsigned_not_answered",
            "an order without a signature brings no receipt",
            _Forged(unsigned.id, msgspec.json.encode(bare)),
        ),
        (
            "misaddressed_not_answered",
            "an order signed for another device brings no receipt",
            _Forged(elsewhere.id, signed(elsewhere, other)),
        ),
        (
            "unknown_key_not_answered",
            "an order under a key that the device does not hold brings no receipt",
            _Forged(unknown.id, msgspec.json.encode(stranger)),
        ),
        (
            "duplicate_member_not_answered",
            "an order with a member twice brings no receipt",
            _Forged(twice.id, doubled),
        ),
        (
            "not_json_harmless",
            "what is no JSON brings no receipt and stops nothing",
            _Forged("", good[:20]),
        ),
    ]


async def _extras(exam: Examination) -> None:
    rotated = harmless(exam)
    await exam.send(exam.next_signer.sign(exam.order_topic, rotated))
    receipt = await first_receipt(exam, rotated.id)
    exam.judge(
        "second_key_held",
        "the key for the next rotation is held already",
        holds=receipt is not None and not outcome(receipt).startswith("refused"),
        detail=told(receipt),
    )
