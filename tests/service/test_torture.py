"""The torture judges rightly: sound parts pass short hard runs, and every planted bug is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from service.torture import faults_found, torture
from service.torture_plants import TorturePlant
from service.torture_run import run_script, run_seed
from simulators.torture.script import FaultKind as Broken
from simulators.torture.script import Script, write_script
from tests.service.torture_scripts import BUSY, CRUSH, FIRE, FIRE_OVER, HELP, fault, script

Plant = TorturePlant

QUIET_HOUR_S = 3600.0

PLANTED: dict[Plant, tuple[Script, str]] = {
    Plant.OUTBOX_STOPPED: (script(FIRE, length_s=90), "missed"),
    Plant.OUTBOX_REPEATS_WITH_NEW_ID: (
        script(FIRE, fault(Broken.LINK_SLOW, 40, 80), length_s=80),
        "doubled",
    ),
    Plant.OUTBOX_SENDS_ONCE: (
        script(
            FIRE,
            fault(Broken.TERMINAL_OFFLINE, 30, 60, "yandai-1"),
            fault(Broken.TERMINAL_OFFLINE, 30, 60, "yandai-2"),
            length_s=120,
        ),
        "missed",
    ),
    Plant.COUNTER_NOT_PERSISTED: (
        script(
            [*FIRE, FIRE_OVER, (160.0, "alarm", "fire-yandai", 1.0)],
            fault(Broken.CLOCK_STEPPED, 20, 120, size=3600),
            fault(Broken.KILLED_BETWEEN_STEPS, 30, 32),
            fault(Broken.KILLED_BETWEEN_STEPS, 140, 142),
            length_s=200,
        ),
        "crashes",
    ),
    Plant.CANCEL_FORGOTTEN: (script([*FIRE, FIRE_OVER], length_s=185), "missed"),
    Plant.LOOP_CHECK_GONE: (
        script([*FIRE, (30.0, "vehicle", "north-1", 1.0)], length_s=90),
        "unsafe_raises",
    ),
    Plant.CONTROLLER_LOOP_CHECK_GONE: (
        script([*FIRE, (53.0, "vehicle", "north-1", 1.0)], length_s=90),
        "unsafe_raises",
    ),
    Plant.SIGNATURE_CHECK_GONE: (
        script(FIRE, length_s=90, attacks=range(60, 90)),
        "forged_obeyed",
    ),
    Plant.EXPIRY_CHECK_GONE: (
        script(
            HELP,
            fault(Broken.TERMINAL_OFFLINE, 30, 290, "lotus-1"),
            length_s=290,
            attacks=range(216, 286),
        ),
        "forged_obeyed",
    ),
    Plant.HANDLED_IDS_FORGOTTEN: (
        script(FIRE, length_s=100, attacks=range(70, 98)),
        "forged_obeyed",
    ),
    Plant.CLEAR_ON_SILENCE: (
        script(CRUSH, fault(Broken.CAMERAS_SILENT, 260, 360, "bridge"), length_s=360),
        "missed",
    ),
    Plant.BLIND_COUNTS_AS_ZERO: (
        script(CRUSH, fault(Broken.CAMERAS_BLIND, 260, 340, "bridge"), length_s=340),
        "missed",
    ),
    Plant.ESCALATION_LOST_IN_RESTART: (
        script(FIRE, fault(Broken.KILLED_BETWEEN_STEPS, 60, 64), length_s=120),
        "unowned",
    ),
    Plant.CASES_LOST_IN_RESTART: (
        script(FIRE, fault(Broken.KILLED_BETWEEN_STEPS, 60, 64), length_s=120),
        "unowned",
    ),
    Plant.ACK_BEFORE_COMMIT: (
        script(
            [HELP[0], (60.2, "alarm", "help-lotus", 0.0)],
            fault(Broken.KILLED_BEFORE_COMMIT, 60.1, 64),
            length_s=120,
            terse_detectors=True,
        ),
        "missed",
    ),
}


@pytest.mark.parametrize("plant", Plant)
def test_a_planted_bug_is_found_and_sound_parts_pass_the_same_run(plant: Plant) -> None:
    run, count = PLANTED[plant]
    assert run_script(run).found == ()
    assert run_script(run, plant=plant).count(count) > 0


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_a_step_of_the_services_clock_hides_no_crush(step_s: float) -> None:
    run = script(CRUSH, fault(Broken.CLOCK_STEPPED, 40, 120, size=step_s), length_s=120)
    findings = run_script(run)
    assert (findings.crossings, findings.found) == (3, ())


def test_a_call_made_while_the_service_was_down_is_told() -> None:
    findings = run_script(script(HELP, fault(Broken.KILLED_BETWEEN_STEPS, 55, 70), length_s=140))
    assert (findings.crossings, findings.found) == (1, ())


@pytest.mark.parametrize(
    ("back_s", "told"),
    [
        pytest.param(60, 1, id="back while the call stands"),
        pytest.param(150, 0, id="back after the all-clear"),
    ],
)
def test_terminals_that_were_away_are_told_of_a_call_until_its_all_clear(
    back_s: float, told: int
) -> None:
    away = [fault(Broken.TERMINAL_OFFLINE, 40, back_s, f"lotus-{n}") for n in (1, 2)]
    run = script(HELP, *away, length_s=240)
    findings = run_script(run)
    assert (findings.crossings, findings.found) == (told, ())
    assert run_script(run, plant=Plant.OUTBOX_STOPPED).count("missed") == told


@pytest.mark.parametrize(
    "kind",
    [
        Broken.KILLED_BEFORE_COMMIT,
        Broken.KILLED_AFTER_COMMIT,
        Broken.KILLED_WHILE_SENDING,
        Broken.KILLED_AFTER_SENDING,
    ],
)
def test_killed_at_any_point_of_the_step_that_decides_every_terminal_acts_once(
    kind: Broken,
) -> None:
    findings = run_script(script(FIRE, fault(kind, 50.05, 55), length_s=110))
    assert (findings.crossings, findings.found) == (1, ())


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(50014, id="a fire told by a service that began on a slow clock"),
        pytest.param(50038, id="a terminal that hears an old all-clear late"),
        pytest.param(288, id="a call for help that the broker lost with its memory"),
        pytest.param(991035, id="an all-clear that reached a service on a slow clock"),
        pytest.param(275, id="a terminal that was away hears a message just before its renewal"),
    ],
)
def test_what_a_seed_once_found_stays_mended(seed: int) -> None:
    assert run_seed(seed).found == ()


@pytest.mark.parametrize("raised_s", [59.0, 61.0, 66.0])
def test_a_call_that_the_broker_took_and_forgot_while_the_service_was_down_is_told(
    raised_s: float,
) -> None:
    """Raised before, while and after the broker is away; cleared before the service hears again."""
    call = [
        (raised_s, "alarm", "help-lotus", 1.0),
        (raised_s + 3.0, "alarm", "help-lotus", 0.0),
    ]
    deaf = [fault(Broken.KILLED_BETWEEN_STEPS, 58, 80), fault(Broken.BROKER_FORGOT, 60.5, 64)]
    findings = run_script(script(call, *deaf, length_s=140))
    assert (findings.crossings, findings.found) == (1, ())
    terse = run_script(script(call, *deaf, length_s=140, terse_detectors=True))
    assert (terse.crossings, terse.found) == (0, ())


def test_a_message_that_is_written_anew_while_its_answer_is_on_its_way_is_told_once() -> None:
    """Half of its life after it was told, just when the terminal comes back over a slow line."""
    away = fault(Broken.TERMINAL_OFFLINE, 40, 365, "bridge-1")
    slow = fault(Broken.LINK_SLOW, 300, 420)
    findings = run_script(script([(50.0, "crowd", "bridge", 3.5)], away, slow, length_s=440))
    assert (findings.crossings, findings.found) == (1, ())


def test_a_full_disk_delays_a_warning_and_loses_none() -> None:
    findings = run_script(script(FIRE, fault(Broken.DISK_FULL, 45, 70), length_s=130))
    assert (findings.crossings, findings.found) == (1, ())


def test_a_broker_that_forgets_everything_is_told_everything_anew() -> None:
    findings = run_script(script(CRUSH, fault(Broken.BROKER_FORGOT, 60, 80), length_s=170))
    assert (findings.crossings, findings.found) == (3, ())


def test_a_yellow_warning_beside_a_red_one_calls_nobody_and_calls_when_the_red_is_over() -> None:
    beside = script(
        [*BUSY, *FIRE, FIRE_OVER], fault(Broken.KILLED_BETWEEN_STEPS, 150, 154), length_s=250
    )
    assert run_script(beside).found == ()
    assert run_script(beside, plant=Plant.ESCALATION_LOST_IN_RESTART).count("unowned") == 1


def test_every_seed_scripts_an_hour_with_enough_to_prove_something() -> None:
    for seed in range(1, 201):
        run = write_script(seed)
        assert run.length_s >= QUIET_HOUR_S
        assert len(run.faults) >= 2
        crowds = [turn for turn in run.turns if turn.what == "crowd" and turn.value >= 5.4]
        assert len({turn.id for turn in crowds}) == 3
        assert all(fault.end < run.length_s for fault in run.faults)


def test_one_script_replays_exactly_in_another_process_too() -> None:
    code = (
        "from tests.service.test_torture import PLANTED, Plant, run_script;"
        "print(run_script(PLANTED[Plant.COUNTER_NOT_PERSISTED][0]).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            check=True,
            capture_output=True,
            timeout=110,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_torture_that_proves_nothing_is_bad() -> None:
    nothing = dict.fromkeys(
        (
            *("missed", "doubled", "unowned", "unsafe_raises", "forged_obeyed", "crashes"),
            *("runs", "simulated_s", "crossings", "orders", "raises_asked", "forged_sent"),
        ),
        0,
    )
    assert len(faults_found({**nothing, "faults": {}})) == 7


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_whole_run_finds_nothing_and_counts_what_it_did() -> None:
    summary = torture(runs=1, seed=1, plant=None, jobs=1)
    assert faults_found(summary) == []
    assert summary["runs"] == 1
    assert summary["failed_seeds"] == []
    assert summary["simulated_s"] >= QUIET_HOUR_S
