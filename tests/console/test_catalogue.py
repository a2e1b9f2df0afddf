"""The words of the page: both languages, the same gaps to fill, and a word for every named reason."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

import pytest

import console
from config.calibration import GroundProblem
from console.board import Advice
from console.policy import Role
from console.problems import Code
from console.views import Guard
from crowd.forecast.surroundings import Surroundings
from model.cases import CaseState, Change, Reason
from model.facts import BollardPosition, LoopState
from model.health import HealthState
from model.level import Level, Sight
from model.orders import Motion, OrderState
from simulators.sound import SoundFault

HOME = Path(console.__file__).parent
WORDS: dict[str, dict[str, str]] = json.loads(
    (HOME / "catalogue" / "words.json").read_text(encoding="utf-8")
)
SOURCES = sorted((HOME / "web" / "src").rglob("*.*"))
GAP = re.compile(r"\{(\w+)\}")


def test_every_word_is_there_in_both_languages_with_the_same_gaps() -> None:
    for key, word in WORDS.items():
        assert set(word) == {"zh", "en"}, key
        assert all(text.strip() for text in word.values()), key
        assert set(GAP.findall(word["zh"])) == set(GAP.findall(word["en"])), key


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("reason", Reason),
        ("change", Change),
        ("case", CaseState),
        ("health", HealthState),
        ("order", OrderState),
        ("order.action", Motion),
        ("level", Level),
        ("sight", Sight),
        ("lane", Guard),
        ("loop", LoopState),
        ("position", BollardPosition),
        ("problem", Code),
        ("role", Role),
        ("advice", Advice),
        ("order_reason", SoundFault),
        ("zone.reason", GroundProblem),
    ],
)
def test_every_named_code_has_its_word(group: str, codes: type[StrEnum]) -> None:
    lacking = {f"{group}.{code.value}" for code in codes} - set(WORDS)
    assert not lacking


def test_every_feast_of_chinas_calendar_has_its_word() -> None:
    china = Surroundings(calendar="CN")
    days = (date(2020, 1, 1) + timedelta(days=number) for number in range(8 * 365))
    told = {name for day in days for name in (china.holiday(day) or "").split("; ") if name}
    feasts = {name.removesuffix(" (observed)") for name in told if not name.startswith("Day off")}
    assert len(feasts) > 8
    assert {name for name in feasts if f"holiday.{name}" not in WORDS} == set()


def test_the_page_asks_for_no_word_that_is_not_there() -> None:
    asked = {
        key
        for source in SOURCES
        for key in re.findall(r"\bt\(\s*'([a-z_.0-9]+)'", source.read_text(encoding="utf-8"))
    }
    assert len(asked) > 60
    assert asked <= set(WORDS)


def test_the_page_has_no_chinese_outside_the_catalogue() -> None:
    for source in SOURCES:
        assert not re.search(r"[\u4e00-\u9fff]", source.read_text(encoding="utf-8")), source


def test_the_site_file_has_one_name_in_chinese() -> None:
    named = {key for key, word in WORDS.items() if "site file" in word["en"].lower()}
    assert len(named) > 8
    assert [key for key in named if "场所文件" not in WORDS[key]["zh"]] == []


def test_the_lock_of_the_page_names_no_host() -> None:
    lock = (HOME / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in body for path, body in packages.items() if path)
