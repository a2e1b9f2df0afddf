"""The examination of each kind of device: terminals, lanes, and those that only report."""

from __future__ import annotations

import itertools
from typing import cast

from devices.conformance.examination import Examination
from devices.conformance.orders import examine_orders, first_receipt, outcome, told
from model.facts import (
    BollardReceipt,
    BollardState,
    CounterReading,
    DensityBlind,
    DensityLive,
    DeviceKind,
    ReceiptStage,
    SensorAlarm,
    SensorReading,
    TerminalReceipt,
)
from model.orders import Motion

SPOKEN_WITHIN_S = 60.0
REPORTS_WITHIN_S = 70.0
STATE_EVERY_S = 1.0
LATE_BY_S = 0.5
"""What a network may add to the second between two states."""


async def examine(exam: Examination) -> None:
    """Everything that can be asked of a device of this kind."""
    await exam.examine_status()
    if exam.kind is DeviceKind.TERMINAL:
        await _terminal(exam)
    elif exam.kind is DeviceKind.BOLLARD:
        await _lane(exam)
    else:
        await _reporter(exam)
    exam.examine_messages()


async def _terminal(exam: Examination) -> None:
    order = exam.show()
    await exam.send_order(order)
    first = await first_receipt(exam, order.id)
    exam.judge(
        "show_received",
        "a `show` is answered `received` at once",
        holds=told(first) == "received",
        detail=told(first),
    )

    def spoken() -> TerminalReceipt | None:
        said = [each for each in exam.words(TerminalReceipt) if each.order == order.id]
        ends = (ReceiptStage.PLAYED, ReceiptStage.CONFIRMED)
        return next((each for each in said if each.stage in ends), None)

    if exam.only_plays:
        await _without_recording(exam, order.id)
    else:
        played = await exam.wait_for(spoken, SPOKEN_WITHIN_S) if first is not None else None
        exam.judge(
            "show_played",
            "`played` follows when the words are spoken or shown",
            holds=played is not None,
            detail=told(played),
        )
    await examine_orders(exam)
    cancel = exam.show(action="cancel", speech="")
    await exam.send_order(cancel)
    exam.judge(
        "cancel_received",
        "a `cancel` is answered `received`",
        holds=told(receipt := await first_receipt(exam, cancel.id)) == "received",
        detail=told(receipt),
    )


async def _without_recording(exam: Examination, order: str) -> None:
    """A terminal that only plays has nothing to play here, and must not pretend."""

    def ended() -> TerminalReceipt | None:
        said = [each for each in exam.words(TerminalReceipt) if each.order == order]
        return next((each for each in said if each.stage is not ReceiptStage.RECEIVED), None)

    end = await exam.wait_for(ended)
    exam.judge(
        "no_audio_failed",
        "a `show` without a recording is answered `failed` as `no_audio`",
        holds=told(end) == "failed:no_audio",
        detail=told(end),
    )
    exam.leave_out(
        "show_played",
        "`played` follows when the recording was played",
        "recordings come from a running service: type a message in the room and listen",
    )


async def _lane(exam: Examination) -> None:
    await _states(exam)
    report = exam.move(Motion.REPORT)
    states = len(exam.words(BollardState))
    await exam.send_order(report)
    receipt = await first_receipt(exam, report.id)
    exam.judge(
        "report_done",
        "a `report` is answered by `done`",
        holds=receipt is not None and outcome(receipt).startswith("done"),
        detail=told(receipt),
    )

    def told_state() -> BollardState | None:
        said = exam.words(BollardState)
        return said[-1] if len(said) > states else None

    exam.judge(
        "report_state",
        "a `report` is answered by a state",
        holds=await exam.wait_for(told_state) is not None,
        detail="no state",
    )
    await examine_orders(exam)
    await _exercise(exam)


async def _states(exam: Examination) -> None:
    """Three states by themselves, each within the contract's second."""

    def three() -> BollardState | None:
        said = [each for each in exam.heard if isinstance(each.body, BollardState)]
        fresh = [each for each in said if not each.retained]
        return cast("BollardState", fresh[-1].body) if len(fresh) >= 3 else None

    enough = await exam.wait_for(three)
    said = [
        each for each in exam.heard if isinstance(each.body, BollardState) and not each.retained
    ]
    gaps = [later.mono - earlier.mono for earlier, later in itertools.pairwise(said)]
    widest_s = max(gaps, default=float("inf"))
    exam.judge(
        "state_every_second",
        "the state is told at least every second",
        holds=enough is not None and widest_s <= STATE_EVERY_S + LATE_BY_S,
        detail=f"{len(said)} states, up to {widest_s:.2f} s apart",
    )
    numbers = [state.seq for state in exam.words(BollardState)]
    exam.judge(
        "state_seq_grows",
        "`seq` grows from state to state",
        holds=numbers == sorted(set(numbers)) and bool(numbers),
        detail=str(numbers[:10]),
    )


async def _exercise(exam: Examination) -> None:
    """An exercise moves nothing: the lane stands where it stood."""
    said = exam.words(BollardState)
    before = said[-1].position if said else None
    order = exam.move(Motion.LOWER if before == "up" else Motion.RAISE)
    await exam.send_order(order)
    receipt = await first_receipt(exam, order.id)
    exam.judge(
        "exercise_answered",
        "an exercise is answered `done` with the reason `exercise`",
        holds=isinstance(receipt, BollardReceipt) and outcome(receipt) == "done:exercise",
        detail=told(receipt),
    )
    told_before = len(exam.words(BollardState))

    def two_more() -> BollardState | None:
        fresh = exam.words(BollardState)
        return fresh[-1] if len(fresh) >= told_before + 2 else None

    after = await exam.wait_for(two_more)
    exam.judge(
        "exercise_moves_nothing",
        "an exercise moves nothing",
        holds=after is not None and after.position == before,
        detail="no state" if after is None else f"{before} became {after.position}",
    )


_REPORTS = {
    DeviceKind.CAMERA: (DensityLive, DensityBlind),
    DeviceKind.COUNTER: (CounterReading,),
    DeviceKind.SENSOR: (SensorReading, SensorAlarm),
}


async def _reporter(exam: Examination) -> None:
    """A device that only reports: two reports in a row, and totals that never fall."""
    kinds = _REPORTS[exam.kind]

    def two() -> SensorReading | None:
        said = [each.body for each in exam.heard if isinstance(each.body, kinds)]
        return cast("SensorReading", said[-1]) if len(said) >= 2 else None

    enough = await exam.wait_for(two, REPORTS_WITHIN_S)
    exam.judge(
        "reports",
        "the device reports by itself",
        holds=enough is not None,
        detail=f"fewer than two reports within {REPORTS_WITHIN_S:.0f} s",
    )
    if exam.kind is DeviceKind.COUNTER:
        readings = exam.words(CounterReading)
        pairs = list(itertools.pairwise(readings))
        falls = [
            (a, b)
            for a, b in pairs
            if a.boot == b.boot and (b.in_total < a.in_total or b.out_total < a.out_total)
        ]
        exam.judge(
            "totals_never_fall",
            "totals only grow from boot to boot",
            holds=bool(pairs) and not falls,
            detail="a total fell" if falls else "no two readings",
        )
        exam.judge(
            "seq_grows",
            "`seq` grows within a boot",
            holds=bool(pairs) and all(a.boot != b.boot or b.seq > a.seq for a, b in pairs),
            detail=str([reading.seq for reading in readings[:10]]),
        )
