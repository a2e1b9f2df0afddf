"""The room as a state machine: whatever happens in whatever order, these things always hold."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from model.actions import Action, Broadcast
from model.cases import Case, CaseState, Change
from model.facts import DeviceKind, Verb
from model.health import HealthState
from model.level import Level, Sight, rank_of
from model.orders import Motion
from tests.alerts.room import Room, peak_rule, plan, site, words

ZONES = st.sampled_from(["bridge", "lane"])
PEAKS = st.sampled_from([0.0, 1.6, 2.4, 3.4, 4.4, 5.6])
WAITS = st.sampled_from([0.2, 2.0, 9.0, 31.0])
PEOPLE = st.sampled_from(["li", "wang"])


def evening() -> Any:
    """Two zones, a threshold and an alarm, plans that act by themselves and plans that wait."""
    return site(
        people=[
            {"id": name, "name": name, "roles": ["operator"]} for name in ("li", "wang", "zhao")
        ],
        escalation={"public": {"text": words("walk on"), "cancel": words("thanks")}},
        rules=[
            peak_rule(hold_s=4, clear_hold_s=10),
            {
                "id": "fire",
                "hazard": "fire",
                "signal": "alarm",
                "alarm": "fire",
                "level": "red",
                "clear_hold_s": 4,
                "text": words("fire"),
            },
            {
                "id": "together",
                "hazard": "together",
                "signal": "weak_signals",
                "level": "orange",
                "text": words("several signs"),
            },
        ],
        plans=[
            plan("y", "yellow", terminals=["t1"], raise_entrances=["e2"]),
            plan("o", "orange", checklist=[words("to the bridge")], call=["zhao"]),
            plan("r", "red", approval="two", terminals=["t1", "t3"], raise_entrances=["e1", "e2"]),
            plan("f", "red", hazard="fire", raise_entrances=["e1"]),
        ],
    )


class Field:
    """What terminals show and where barriers stand, by the actions alone."""

    def __init__(self) -> None:
        self.shown: dict[tuple[str, str], str] = {}
        self.up: set[str] = set()
        self.seen = 0

    def follow(self, actions: list[Action]) -> None:
        for action in actions[self.seen :]:
            if isinstance(action, Broadcast):
                self._tell(action)
            elif action.exercise:
                continue  # moves nothing
            elif action.motion is Motion.RAISE and action.case is not None:
                assert action.entrance not in self.up, "raised twice"
                self.up.add(action.entrance)
            elif action.motion is Motion.LOWER:
                self.up.discard(action.entrance)
        self.seen = len(actions)

    def _tell(self, action: Broadcast) -> None:
        assert action.terminals
        for terminal in action.terminals:
            key = (action.case, terminal)
            if action.action == "show":
                assert self.shown.get(key) != action.text.en, "told twice"
                self.shown[key] = action.text.en
            else:
                assert key in self.shown, "cancelled what was not told"
                del self.shown[key]


class MonitoringRoom(RuleBasedStateMachine):
    """Two rooms live through the same evening; the second is restarted again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.steady, self.restarted = Room(evening()), Room(evening())
        self.field = Field()
        self.sights = {"bridge": Sight.BLIND, "lane": Sight.BLIND}
        self.before: dict[str, Level | None] = {}
        self.by_hand = False

    def both(self, act: Any) -> None:
        self.before = dict(self.steady.levels)
        self.by_hand = False
        for room in (self.steady, self.restarted):
            act(room)

    @rule(zone=ZONES, peak=PEAKS, sight=st.sampled_from([Sight.LIVE, Sight.LIVE, Sight.PARTIAL]))
    def a_reading(self, zone: str, peak: float, sight: Sight) -> None:
        self.sights[zone] = sight
        self.both(lambda room: room.see(peak, zone=zone, sight=sight))

    @rule(zone=ZONES)
    def a_zone_goes_blind(self, zone: str) -> None:
        self.sights[zone] = Sight.BLIND
        self.both(lambda room: room.blind(zone=zone))

    @rule(seconds=WAITS)
    def time_passes(self, seconds: float) -> None:
        self.both(lambda room: room.wait(seconds))

    @rule(step_s=st.sampled_from([-3600.0, 3600.0]))
    def the_clock_steps(self, step_s: float) -> None:
        def step(room: Room) -> None:
            room.clock.step_wall(step_s)
            room.step()

        self.both(step)

    @rule(state=st.sampled_from(["raised", "cleared"]))
    def an_alarm(self, state: str) -> None:
        self.both(lambda room: room.alarm(state))

    @rule(state=st.sampled_from([HealthState.BLIND, HealthState.ONLINE, HealthState.WAITING]))
    def a_camera(self, state: HealthState) -> None:
        self.both(lambda room: room.health(DeviceKind.CAMERA, "c1", state))

    @rule(person=PEOPLE, verb=st.sampled_from(list(Verb)), number=st.integers(0, 3))
    def a_person_decides(self, person: str, verb: Verb, number: int) -> None:
        cases = self.steady.engine.open_cases()
        subject = cases[number % len(cases)].id if cases else "case-0"
        if verb in (Verb.LOWER, Verb.STOP, Verb.ARM, Verb.CONFIRM):
            subject = ("e1", "e2")[number % 2]
        if verb in (Verb.CALL, Verb.EXERCISE):
            subject = ("bridge", "lane")[number % 2]
        how: dict[str, Any] = {
            "assignee": "zhao",
            "comment": "noted",
            "hazard": ("crowding", "fire")[number % 2],
            "level": list(Level)[number],
            "minutes": 0.5,
            "into": cases[0].id if cases else None,
            "plan": "o",
            "item": 0,
        }

        def decide(room: Room) -> None:
            room.decide(verb, subject, person=person, **how)

        self.both(decide)
        self.by_hand = True

    @rule()
    def the_second_room_is_restarted(self) -> None:
        self.restarted.restart()

    @invariant()
    def a_restart_makes_no_difference(self) -> None:
        assert self.restarted.transitions == self.steady.transitions
        assert self.restarted.actions == self.steady.actions
        assert self.restarted.levels == self.steady.levels
        assert self.restarted.refused == self.steady.refused
        assert self.restarted.calls == self.steady.calls
        assert self.restarted.duty == self.steady.duty
        assert self.restarted.armed == self.steady.armed
        assert open_cases(self.restarted) == open_cases(self.steady)

    @invariant()
    def what_is_not_wholly_seen_is_not_lowered(self) -> None:
        for zone, sight in self.sights.items():
            crowding = [c for c in open_cases(self.steady) if c.subject == zone and not c.exercise]
            had_fire = self.steady.site.rules and any(
                case.hazard == "fire" for case in self.steady.cases.values()
            )
            if sight is not Sight.LIVE and not self.by_hand and not had_fire:
                assert rank_of(self.steady.levels.get(zone)) >= rank_of(self.before.get(zone))
                assert bool(crowding) == (self.steady.levels.get(zone) is not None)

    @invariant()
    def a_hazard_of_a_zone_has_one_open_case_at_most(self) -> None:
        keys = [(c.subject_kind, c.subject, c.hazard, c.exercise) for c in open_cases(self.steady)]
        assert len(keys) == len(set(keys))

    @invariant()
    def nothing_red_is_quiet_and_what_answers_for_another_is_open(self) -> None:
        alive = {case.id for case in open_cases(self.steady)}
        for case in open_cases(self.steady):
            assert not (case.level is Level.RED and case.quiet)
            assert case.muted_by is None or case.muted_by in alive
            assert case.merged_into is None or case.merged_into in alive
            assert not (case.quiet and case.next_escalation is not None)

    @invariant()
    def nobody_raises_alone_what_nobody_agreed_to(self) -> None:
        for action in self.steady.actions:
            if not isinstance(action, Broadcast) and action.motion is Motion.RAISE:
                assert action.case is not None or action.decision is not None

    @invariant()
    def a_history_is_whole(self) -> None:
        for case in self.steady.cases.values():
            history = [one for one in self.steady.transitions if one.case == case.id]
            assert [one.serial for one in history] == list(range(1, len(history) + 1))
            assert history[0].change is Change.OPENED
            closings = [one for one in history if one.change is Change.CLOSED]
            assert len(closings) == (case.state is CaseState.CLOSED)
            assert not closings or history[-1] is closings[0]

    @invariant()
    def the_field_shows_open_warnings_only(self) -> None:
        self.field.follow(self.steady.actions)
        alive = {case.id for case in open_cases(self.steady)}
        assert {case for case, _ in self.field.shown} <= alive
        if not any(case.subject_kind == "zone" for case in open_cases(self.steady)):
            assert self.field.up == set()


def open_cases(room: Room) -> tuple[Case, ...]:
    return room.engine.open_cases()


MonitoringRoom.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMonitoringRoom = MonitoringRoom.TestCase
