"""Words of the trade in both languages: signals, units, devices, and named reasons.

The page has its own catalogue for what it names itself; here is what a case and its history say.
A reason that is not known here is shown as it was said.
"""

from __future__ import annotations

from config.rules import Signal
from model.facts import DeviceKind
from model.health import HealthState
from model.level import Level
from model.orders import Motion
from model.text import Bilingual


def both(zh: str, en: str) -> Bilingual:
    """One text in both languages, no longer than a text may be."""
    return Bilingual(zh=zh[:500], en=en[:500])


SIGNALS = {
    Signal.PEAK_DENSITY: both("局部最密", "peak"),
    Signal.ZONE_DENSITY: both("平均密度", "zone density"),
    Signal.OCCUPANCY: both("人数", "occupancy"),
    Signal.DAILY_VISITORS: both("当日客流占日承载量", "visitors of the day, of daily capacity:"),
    Signal.GROWTH: both("密度增长", "growth"),
    Signal.FORECAST: both("预测密度", "forecast density"),
    Signal.COUNTERFLOW: both("对向人流", "counter-flow"),
    Signal.PRESSURE: both("人群压力", "crowd pressure"),
    Signal.FLOW_BREAKDOWN: both("速度损失", "speed lost while it got denser:"),
    Signal.BLIND: both("看不见", "blind"),
    Signal.WEAK_SIGNALS: both("叠加的预警", "warnings together"),
    Signal.SENSOR: both("传感器", "sensor"),
    Signal.ALARM: both("报警", "alarms"),
}

SHARES = frozenset({Signal.DAILY_VISITORS, Signal.COUNTERFLOW, Signal.FLOW_BREAKDOWN})
"""Signals that are told in per cent."""

LEVELS = {
    Level.BLUE: both("蓝色", "blue"),
    Level.YELLOW: both("黄色", "yellow"),
    Level.ORANGE: both("橙色", "orange"),
    Level.RED: both("红色", "red"),
}

SIGNAL_UNITS = {
    Signal.GROWTH: both(" 人/㎡/分", " p/m²/min"),
    Signal.FORECAST: both(" 人/㎡", " p/m²"),
    Signal.PRESSURE: both(" s⁻²", " s⁻²"),
    Signal.PEAK_DENSITY: both(" 人/㎡", " p/m²"),
    Signal.ZONE_DENSITY: both(" 人/㎡", " p/m²"),
}

QUANTITIES = {
    "noise": both("噪声", "noise"),
    "water_level": both("水位", "water level"),
    "ice_thickness": both("冰厚", "ice thickness"),
    "wind": both("风速", "wind"),
    "temperature": both("气温", "temperature"),
    "rain": both("雨量", "rain"),
}

HAZARDS = {
    "fire": both("火警", "fire"),
    "earthquake": both("地震", "earthquake"),
    "help": both("求助", "help"),
    "operators-call": both("值班员预警", "operator's call"),
    "crowding": both("人员密集", "crowding"),
}

DEVICES = {
    DeviceKind.CAMERA: both("摄像机", "Camera"),
    DeviceKind.COUNTER: both("客流计数器", "Counter"),
    DeviceKind.SENSOR: both("传感器", "Sensor"),
    DeviceKind.TERMINAL: both("预警终端", "Terminal"),
    DeviceKind.BOLLARD: both("升降柱", "Bollard"),
    DeviceKind.WORKER: both("分析节点", "Worker"),
}

STATES: dict[str, Bilingual] = {
    HealthState.BLIND: both("看不见", "blind"),
    HealthState.FAULT: both("故障", "fault"),
    HealthState.SILENT: both("失联", "silent"),
    HealthState.OFFLINE: both("离线", "offline"),
}

ASKED = {
    "show": both("播报", "show"),
    "cancel": both("撤下", "cancel"),
    Motion.RAISE.value: both("升起", "raise"),
    Motion.LOWER.value: both("降下", "lower"),
    Motion.STOP.value: both("停止", "stop"),
}

CALLED = (
    both("第二人", "second person"),
    both("指挥", "commander"),
    both("外部联系人", "outside contact"),
)
"""Whom the escalation clock calls, step by step."""

REASONS = {
    "black": both("画面全黑", "black picture"),
    "white": both("画面全白", "white picture"),
    "covered": both("镜头被遮", "covered lens"),
    "blurred": both("画面模糊", "blurred picture"),
    "frozen": both("画面冻结", "frozen picture"),
    "moved": both("镜头被移动", "moved"),
    "stale": both("画面过时", "stale pictures"),
    "too_small": both("画面太小", "picture too small"),
    "colour_bars": both("测试彩条", "test bars"),
    "no_signal": both("没有信号", "no signal"),
    "connecting": both("正在连接", "connecting"),
    "unreachable": both("连不上", "not reachable"),
    "stalled": both("不再送画面", "sends no more pictures"),
    "wrong_password": both("密码不对", "wrong password"),
    "busy": both("取流路数已满", "has no room for one more stream"),
    "not_found": both("没有这路视频", "no such stream"),
    "no_video": both("没有视频", "no video in the stream"),
    "unsupported_codec": both("编码不支持", "unsupported codec"),
    "untrusted": both("证书不可信", "certificate not trusted"),
    "overloaded": both("过载,读数变少", "overloaded, reads less often"),
    "cameras_unknown": both(
        "其场所文件缺少分给它的摄像机", "its site file lacks cameras that it was given"
    ),
    "garbled": both("画面损坏", "garbled stream"),
    "never_heard": both("从未有数据", "never heard"),
    "no_reading": both("没有数据", "no reading"),
    "not_protecting": both("未防护", "not protecting"),
    "no_receipt": both("一直没有回执", "no receipt"),
    "speaker_broken": both("扬声器坏", "its speaker is broken"),
    "no_audio": both("没有录音可放", "there was no recording to play"),
    "audio_address_wrong": both("录音地址不对", "the recording's address is wrong"),
    "audio_unreachable": both("取录音连不上", "the recording could not be reached"),
    "audio_missing": both("录音已不在", "the recording is not there"),
    "audio_too_large": both("录音过大", "the recording is too large"),
    "audio_altered": both("录音被改动", "the recording was altered"),
    "audio_not_wav": both("录音不是 WAV", "the recording is no WAV"),
    "audio_silent": both("录音没有声音", "the recording has no sound"),
    "said_offline": both("设备报离线", "said offline"),
    "position_unknown": both("位置未知", "position unknown"),
    "loop_fault": both("线圈故障", "loop fault"),
    "lane_fault": both("车道故障", "lane fault"),
    "lane_moving": both("正在动作", "lane moving"),
    "lane_offline": both("车道离线", "lane offline"),
    "loop_not_clear": both("线圈上有车", "loop not clear"),
    "loop_state_stale": both("线圈状态过时", "loop state stale"),
    "state_unknown": both("状态未知", "state unknown"),
    "state_unproven": both("状态未证实", "state unproven"),
    "state_stale": both("状态过时", "state stale"),
    "state_late": both("状态太迟", "state late"),
    "unknown_terminal": both("没有这台终端", "no such terminal"),
    "unknown_entrance": both("没有这个入口", "no such entrance"),
    "order_running": both("已有指令在执行", "an order is under way"),
}


def reason(code: str) -> Bilingual:
    """A named reason in words; one that is not ours is shown as it was said."""
    plain = code.replace("_", " ")
    return REASONS.get(code) or STATES.get(code) or both(plain, plain)


def quantity(name: str) -> Bilingual:
    """A sensor's quantity in words."""
    plain = name.replace("_", " ")
    return QUANTITIES.get(name) or both(plain, plain)


def hazard(code: str) -> Bilingual:
    """A detector's hazard in words."""
    plain = code.replace("-", " ")
    return HAZARDS.get(code) or both(plain, plain)
