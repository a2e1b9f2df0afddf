"""What can be on stage: a calm evening, red at the bridge, cameras dark."""

from __future__ import annotations

from alerts import wording
from model.cases import CaseState, Change, Reason
from model.facts import DeviceKind, ReceiptStage, SensorAlarm
from model.health import HealthState
from model.level import Level
from model.text import Bilingual
from tests.console.stage import CALM, FULL, Stage

RED_TEXT = Bilingual(
    zh="景区提示：银锭桥人流过密，请勿上桥，听从工作人员指引，经荷花市场绕行。",
    en="Site alert: Yinding Bridge is overcrowded. Do not enter; follow the staff via Lotus Market.",
)


def crossed(value: float, limit: float) -> Bilingual:
    """What the rules say of a crossing of the local peak."""
    return Bilingual(
        zh=f"局部最密 {value} ≥ {limit} 人/㎡，持续 20 秒",
        en=f"peak {value} ≥ {limit} p/m² for 20 s",
    )


DARK = frozenset({"bridge-north", "bridge-south", "qianhai-east", "qianhai-west"})


def breathe_calm(stage: Stage, step: int = 0) -> None:
    """One round of readings of a pleasant evening."""
    stage.breathe(CALM, up=frozenset({"north"}), step=step)


def breathe_red(stage: Stage, step: int = 0) -> None:
    """One round of readings while the bridge is red."""
    stage.breathe(
        FULL,
        levels={"bridge": Level.RED, "yandai": Level.YELLOW, "houhai": Level.BLUE},
        blind=frozenset({"yandai-east"}),
        up=frozenset({"north", "east", "south"}),
        silent=frozenset({"west-1"}),
        step=step,
    )


def breathe_dark(stage: Stage, step: int = 0) -> None:
    """One round of readings while the bridge and Qianhai are dark."""
    stage.breathe(CALM, blind=DARK, levels={"bridge": Level.ORANGE}, step=step)


def calm(stage: Stage) -> None:
    """Everybody online and a pleasant evening."""
    stage.remember_hour(CALM)
    stage.everyone_online()
    for step in range(3):
        breathe_calm(stage, step=step)


def red(stage: Stage) -> str:
    """Red at the bridge, yellow at Yandai, one camera dark, one lane silent, terminals told."""
    stage.remember_hour(FULL)
    stage.everyone_online()
    breathe_red(stage)
    stage.commit(
        health=(
            stage.health(DeviceKind.CAMERA, "yandai-east", HealthState.BLIND, "black"),
            stage.health(DeviceKind.TERMINAL, "houhai-3", HealthState.OFFLINE),
            stage.health(DeviceKind.BOLLARD, "west-1", HealthState.SILENT, "no_state"),
        )
    )
    stage.open_case("yandai", Level.YELLOW, ago_s=140, detail=crossed(3.2, 3))
    stage.open_case(
        "houhai",
        Level.BLUE,
        hazard="capacity",
        text=Bilingual(zh="接近瞬时承载量", en="Near the capacity of the moment"),
        ago_s=300,
    )
    stage.open_case(
        "yandai-east",
        Level.BLUE,
        hazard="camera-blind",
        text=wording.fault_of(
            stage.health(DeviceKind.CAMERA, "yandai-east", HealthState.BLIND, "black"),
            Bilingual(zh="烟袋斜街东口", en="Yandai Xiejie, east end"),
        ),
        subject_kind="device",
        escalates_s=None,
    )
    stage.step_case(
        "case-yandai-crowding",
        Change.ACKNOWLEDGED,
        Reason.PERSON,
        actor="commander",
        state=CaseState.ACKNOWLEDGED,
        owner="commander",
        next_escalation=None,
    )
    case = stage.open_case("bridge", Level.ORANGE, detail=crossed(4.2, 4))
    stage.step_case(
        case,
        Change.STEPPED_UP,
        Reason.ABOVE_RAISE,
        level=Level.RED,
        detail=crossed(5.3, 5),
    )
    stage.step_case(
        case,
        Change.PLAN_WAITING,
        Reason.PLAN,
        actor="crowding-red",
        detail=wording.waits("crowding-red", 2),
    )
    stage.step_case(
        case,
        Change.PLAN_STARTED,
        Reason.PLAN,
        actor="crowding-orange",
        detail=wording.acts("crowding-orange", told=4, entrances=()),
    )
    tell(stage, case)
    alarm = SensorAlarm(id="f-1", at=stage.clock.now(), hazard="fire", state="raised")
    stage.commit(facts=(stage.fact(DeviceKind.SENSOR, "fire-lotus", alarm),))
    return case


def tell(stage: Stage, case: str) -> None:
    """The bridge's terminals are told; one refuses, one has not answered yet."""
    orders = [stage.order(f"bridge-{number}", case, Level.RED, RED_TEXT) for number in range(1, 5)]
    stage.commit(orders=tuple(orders))
    for order in orders[:3]:
        stage.receipt(order, ReceiptStage.RECEIVED)
    stage.receipt(orders[0], ReceiptStage.PLAYED)
    stage.receipt(orders[2], ReceiptStage.REFUSED, "stale")


def dark(stage: Stage) -> None:
    """Every camera of the bridge and Qianhai is black: those zones are blind."""
    stage.everyone_online()
    breathe_dark(stage)
    stage.commit(
        health=tuple(
            stage.health(DeviceKind.CAMERA, camera, HealthState.BLIND, "black")
            for camera in sorted(DARK)
        )
    )
    stage.open_case("bridge", Level.ORANGE, detail=crossed(4.2, 4))
