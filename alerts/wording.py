"""Wording: what a case's history says about each step, in Chinese and in English.

Every sentence of the history is made here. What a person wrote stands in both as it was written.
"""

from __future__ import annotations

from collections.abc import Sequence

from alerts import words
from alerts.rules import UNITS, Threshold, ZoneRule
from alerts.words import both
from config.rules import Signal
from model.actions import Action, Broadcast
from model.cases import Case, Gap, Reason
from model.facts import Decision
from model.health import DeviceHealth
from model.level import Level
from model.orders import Motion
from model.text import Bilingual


def raised(rule: ZoneRule, threshold: Threshold, value: float | None, *, partly: bool) -> Bilingual:
    """A signal stood at its raise value for the hold, or a detector raised its alarm."""
    if rule.alarm is not None:
        hazard = words.hazard(rule.alarm)
        return both(f"{hazard.zh}：探测器报警", f"{hazard.en} alarm raised")
    if rule.signal is Signal.BLIND:
        return both(
            f"全区看不见，持续 {rule.hold_s:g} 秒", f"nobody saw the zone for {rule.hold_s:g} s"
        )
    crossed = _crossed(rule, value, "≤" if rule.below else "≥", threshold.raise_at, rule.hold_s)
    if not partly:
        return crossed
    return both(f"{crossed.zh}（部分可见）", f"{crossed.en} (seen in part)")


def cleared(rule: ZoneRule, threshold: Threshold, value: float | None) -> Bilingual:
    """A signal stood below its clear value for the hold, or a detector took its alarm back."""
    if rule.alarm is not None:
        hazard, hold_s = words.hazard(rule.alarm), f"{rule.clear_hold_s:g}"
        return both(
            f"{hazard.zh}：探测器解除已 {hold_s} 秒", f"{hazard.en} alarm cleared for {hold_s} s"
        )
    if rule.signal is Signal.BLIND:
        return both("恢复可见", "the zone is seen again")
    if rule.signal is Signal.WEAK_SIGNALS:
        return both("叠加的预警已减少", "fewer warnings stand together")
    sign = ">" if rule.below else "<"
    return _crossed(rule, value, sign, threshold.clear_at, rule.clear_hold_s)


def rests() -> Bilingual:
    """A rule is not in force at this time of day."""
    return both("不在规则时段", "outside the rule's hours")


def added_up(counted: Sequence[tuple[str, Level]]) -> Bilingual:
    """Several warnings in one zone make another together: which ones, at which levels."""
    zh = "、".join(
        f"{words.hazard(name).zh}（{words.LEVELS[level].zh}）" for name, level in counted
    )
    en = ", ".join(f"{words.hazard(name).en} ({words.LEVELS[level].en})" for name, level in counted)
    return both(f"同区多个预警叠加：{zh}", f"together in one zone: {en}")


def waits(plan: str, needed: int) -> Bilingual:
    """A plan waits for so many people more."""
    if needed == 1:
        return both(f"预案 {plan} 等待一人批准", f"plan {plan} waits for one person")
    return both(
        f"预案 {plan} 等待 {needed} 个不同的人批准",
        f"plan {plan} waits for {needed} different people",
    )


def agreed(plans: Sequence[str], people: int) -> Bilingual:
    """So many people have agreed to these plans."""
    return both(
        f"预案 {'、'.join(plans)}：已有 {people} 人同意",
        f"plan {', '.join(plans)}: {people} agreed",
    )


def acts(plan: str, *, told: int, entrances: Sequence[str], softly: int | None = None) -> Bilingual:
    """A plan began: what it told, how softly in quiet hours, and what it asked to rise."""
    zh, en = [], []
    if told:
        zh.append(f"通知 {told} 台终端")
        en.append(f"{_terminals(told)} told")
    if told and softly is not None:
        zh.append(f"安静时段，音量 {softly}")
        en.append(f"quiet hours, volume {softly}")
    if entrances:
        zh.append(f"请求升起入口 {'、'.join(entrances)}")
        en.append(f"entrances {', '.join(entrances)} asked to rise")
    return both(f"预案 {plan}：{'；'.join(zh)}", f"plan {plan}: {'; '.join(en)}")


def tells_again(plan: str, told: int) -> Bilingual:
    """A plan's text is told again because it still holds and would go out."""
    return both(
        f"预案 {plan}：到期前再次通知 {told} 台终端",
        f"plan {plan}: {_terminals(told)} told again before it expires",
    )


def asks_again(plan: str, entrance: str, time: int, most: int) -> Bilingual:
    """A raise that a lane could not take just then is asked for again."""
    return both(
        f"预案 {plan}：再次要求升起入口 {entrance}（第 {time}/{most} 次）",
        f"plan {plan}: entrance {entrance} asked to rise again ({time} of {most})",
    )


def by_hand(entrance: str, motion: Motion) -> Bilingual:
    """A person lowered or stopped an entrance."""
    if motion is Motion.STOP:
        return both(f"入口 {entrance}：人工停止", f"entrance {entrance}: stopped by hand")
    return both(f"入口 {entrance}：人工降下", f"entrance {entrance}: lowered by hand")


def refused(action: Action, device: Bilingual, reason: str) -> Bilingual:
    """A device will not be asked to do its part, and why."""
    asked = words.ASKED[action.action if isinstance(action, Broadcast) else action.motion.value]
    why = words.reason(reason)
    return both(
        f"未向 {device.zh} 下达“{asked.zh}”：{why.zh}",
        f"{asked.en} refused for {device.en}: {why.en}",
    )


def waits_for_arming(plan: str, entrances: Sequence[str]) -> Bilingual:
    """An agreed plan would raise entrances, once somebody arms and confirms."""
    names = "、".join(entrances), ", ".join(entrances)
    return both(
        f"预案 {plan}：入口 {names[0]} 待人工预备并确认后升起",
        f"plan {plan}: entrances {names[1]} rise when somebody arms and confirms",
    )


def armed(entrance: str, seconds: float) -> Bilingual:
    """Somebody armed an entrance: it rises when it is confirmed in time."""
    return both(
        f"入口 {entrance}：已预备，{seconds:g} 秒内确认即升起",
        f"entrance {entrance} armed: it rises if confirmed within {seconds:g} s",
    )


def called(step: int, after_s: float, people: Sequence[str]) -> Bilingual:
    """The escalation clock called the next one."""
    whom = words.CALLED[step]
    zh = f"（{'、'.join(people)}）" if people else "（场所文件未指定）"
    en = f" ({', '.join(people)})" if people else " (the site names nobody)"
    return both(
        f"{after_s:g} 秒无人负责，已呼叫{whom.zh}{zh}",
        f"{whom.en} called after {after_s:g} s without an owner{en}",
    )


def calls(plan: str, people: Sequence[str]) -> Bilingual:
    """A plan calls its people."""
    return both(f"预案 {plan}：呼叫 {'、'.join(people)}", f"plan {plan} calls {', '.join(people)}")


def public_told(number: int) -> Bilingual:
    """The site's low-risk message went out, since nobody took the warning on."""
    return both(
        f"无人负责：已向 {number} 台终端发出低风险提示",
        f"without an owner: the low-risk message went to {_terminals(number)}",
    )


def gap(gap: Gap, name: Bilingual, instead: Sequence[Bilingual]) -> Bilingual:
    """Where a message reached nobody, and who makes up for it."""
    if gap.terminal is None:
        zh, en = ["本区没有终端"], ["no terminal is heard in this zone"]
    else:
        why = words.reason(gap.reason)
        zh, en = [f"{name.zh} 没有收到：{why.zh}"], [f"{name.en} was not reached: {why.en}"]
    if instead:
        zh.append(f"改由 {'、'.join(each.zh for each in instead)} 播报")
        en.append(f"told instead: {', '.join(each.en for each in instead)}")
    if gap.people:
        zh.append(f"请 {'、'.join(gap.people)} 到场")
        en.append(f"to walk there: {', '.join(gap.people)}")
    elif not instead:
        zh.append("场所文件未指定补救")
        en.append("the site names nobody to make up for it")
    return both("；".join(zh), "; ".join(en))


def gap_closed(name: Bilingual | None) -> Bilingual:
    """A terminal that was named as a gap has answered after all, or a zone without any has one now."""
    if name is None:
        return both("本区现已有终端", "the zone has a terminal now")
    return both(f"{name.zh} 已收到", f"{name.en} was reached after all")


def withdrawn(plans: Sequence[str], decision: Decision) -> Bilingual:
    """A person took back what plans had told."""
    why = f"：{decision.comment}" if decision.comment else ""
    because = f": {decision.comment}" if decision.comment else ""
    return both(
        f"人工撤回预案 {'、'.join(plans)} 的播报{why}",
        f"messages of plan {', '.join(plans)} withdrawn by hand{because}",
    )


def shelved(minutes: float, decision: Decision) -> Bilingual:
    """A person put a case aside for some minutes."""
    return both(
        f"搁置 {minutes:g} 分钟：{decision.comment}",
        f"shelved for {minutes:g} min: {decision.comment}",
    )


def unshelved(reason: Reason) -> Bilingual:
    """A case is off the shelf again."""
    match reason:
        case Reason.SHELF_END:
            return both("搁置到期", "the shelving ended")
        case Reason.PERSON:
            return both("人工取消搁置", "taken up again by hand")
        case _:
            return both("情况加重，取消搁置", "it grew worse: taken up again")


def merged(into: Case, decision: Decision) -> Bilingual:
    """A person lets another case answer for this one."""
    why = f"：{decision.comment}" if decision.comment else ""
    because = f": {decision.comment}" if decision.comment else ""
    return both(
        f"并入“{into.text.zh}”（{into.id}）{why}",
        f"merged into “{into.text.en}” ({into.id}){because}",
    )


def separated(reason: Reason) -> Bilingual:
    """A merged case stands for itself again."""
    match reason:
        case Reason.PERSON:
            return both("人工拆分", "separated by hand")
        case Reason.MERGED_CLOSED:
            return both("所并入的事件已结束", "the case that it was merged into is closed")
        case _:
            return both("升为红色，单独处置", "it became red and stands for itself")


def muted() -> Bilingual:
    """A red warning answers for this one."""
    return both("本区有红色预警，暂不催办", "a red warning of this zone answers for it")


def unmuted() -> Bilingual:
    """No red warning answers for this one any more."""
    return both("红色预警已不在，恢复催办", "no red warning answers for it any more")


def own_call(hazard: str, decision: Decision) -> Bilingual:
    """The text of an operator's own call: the hazard, and what they saw."""
    name = words.hazard(hazard)
    return both(f"{name.zh}：{decision.comment}", f"{name.en}: {decision.comment}")


def called_by(decision: Decision) -> Bilingual:
    """Somebody called a warning by their own judgement."""
    return both(f"人工预警：{decision.comment}", f"called by hand: {decision.comment}")


def exercise_text(text: Bilingual) -> Bilingual:
    """A text of an exercise says so first, in both languages."""
    return both(f"【演习】{text.zh}", f"[EXERCISE] {text.en}")


def exercise_speech(speech: str) -> str:
    """What an exercise speaks says so before and after; silence stays silent."""
    return f"演习。{speech} 以上为演习。"[:1000] if speech else ""


def exercise_of(hazard: str) -> Bilingual:
    """The text of an exercise's case."""
    return words.hazard(hazard)


def exercise_begins(minutes: float, decision: Decision) -> Bilingual:
    """Somebody began an exercise."""
    return both(
        f"演习开始，最长 {minutes:g} 分钟：{decision.comment}",
        f"exercise begins, for {minutes:g} min at most: {decision.comment}",
    )


def exercise_ends(reason: Reason) -> Bilingual:
    """An exercise is over, and why."""
    match reason:
        case Reason.REAL_WARNING:
            return both("本区出现真实预警，演习中止", "a real warning stands in the zone")
        case Reason.EXERCISE_OVER:
            return both("演习时间到", "the exercise's time is over")
        case _:
            return both("人工结束演习", "exercise ended by hand")


def said(decision: Decision) -> Bilingual | None:
    """What a person wrote with a decision, and whom they named; none where neither."""
    zh, en = [], []
    if decision.assignee is not None:
        zh.append(f"指派给 {decision.assignee}")
        en.append(f"to {decision.assignee}")
    if decision.comment:
        zh.append(decision.comment)
        en.append(decision.comment)
    return both("：".join(zh), ": ".join(en)) if en else None


def closed_by_hand(decision: Decision) -> Bilingual:
    """A person closed the case, for the reason that they gave."""
    reason = decision.comment or ""
    return both(reason, reason)


def fault(health: DeviceHealth) -> Bilingual:
    """What is wrong with a device."""
    return words.reason(health.reason or health.state)


def fault_of(health: DeviceHealth, name: Bilingual) -> Bilingual:
    """The text of a device's case: which device, and what is wrong with it."""
    kind, state = words.DEVICES[health.kind], words.reason(health.state)
    zh, en = "", ""
    if health.reason is not None:
        why = words.reason(health.reason)
        zh, en = f"（{why.zh}）", f" ({why.en})"
    return both(
        f"{kind.zh} {name.zh}：{state.zh}{zh}",
        f"{kind.en} {name.en}: {state.en}{en}",
    )


def fault_changed(before: str, health: DeviceHealth) -> Bilingual:
    """A device is unwell in another way than before."""
    was, now, why = words.reason(before), words.reason(health.state), fault(health)
    if why == now:
        return both(f"原为{was.zh}，现为{now.zh}", f"{was.en}, now {now.en}")
    return both(f"原为{was.zh}，现为{now.zh}：{why.zh}", f"{was.en}, now {now.en}: {why.en}")


def well(seconds: float) -> Bilingual:
    """A device stayed well so long that its case is over."""
    return both(f"已正常 {seconds:g} 秒", f"well for {seconds:g} s")


def _crossed(
    rule: ZoneRule, value: float | None, sign: str, limit: float, hold_s: float
) -> Bilingual:
    name = words.SIGNALS[rule.signal] if rule.quantity is None else words.quantity(rule.quantity)
    value, limit = None if value is None else rule.sampled(value), rule.sampled(limit)
    if rule.signal in words.SHARES:
        now, at = _share(value), _share(limit)
        return both(
            f"{name.zh} {now.zh} {sign} {at.zh}，持续 {hold_s:g} 秒",
            f"{name.en} {now.en} {sign} {at.en} for {hold_s:g} s",
        )
    if rule.signal is Signal.OCCUPANCY:
        now, at = _share(value), _share(limit)
        return both(
            f"{name.zh}占承载量 {now.zh} {sign} {at.zh}，持续 {hold_s:g} 秒",
            f"{name.en} {now.en} {sign} {at.en} of capacity for {hold_s:g} s",
        )
    now, at, unit = _number(value), _number(limit), _unit(rule)
    return both(
        f"{name.zh} {now.zh} {sign} {at.zh}{unit.zh}，持续 {hold_s:g} 秒",
        f"{name.en} {now.en} {sign} {at.en}{unit.en} for {hold_s:g} s",
    )


def _unit(rule: ZoneRule) -> Bilingual:
    if rule.quantity is None:
        return words.SIGNAL_UNITS.get(rule.signal, both("", ""))
    unit = f" {UNITS[rule.quantity]}" if rule.quantity in UNITS else ""
    return both(unit, unit)


def _number(value: float | None) -> Bilingual:
    return both("未知", "unknown") if value is None else both(f"{value:.3g}", f"{value:.3g}")


def _share(value: float | None) -> Bilingual:
    if value is None:
        return both("未知", "unknown")
    percent = f"{value * 100:.0f} %"
    return both(percent, percent)


def _terminals(number: int) -> str:
    return "1 terminal" if number == 1 else f"{number} terminals"
