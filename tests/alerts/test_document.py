"""docs/warnings.md names every reason that the code can give, and its times are the code's."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.faults import WELL_FOR_S
from alerts.holds import LONGEST_GAP_S
from alerts.ownership import Refusal
from alerts.signals import Ignored
from config.plans import Escalation
from crowd.ground import COARSEST_M_PER_PX, NOMINAL_WIDTH_PX
from crowd.zones import STALE_AFTER_S
from model.cases import Change, Reason
from model.pinhole import HEAD_HEIGHT_M

ESCALATE_AT_S = Escalation().at_s
PAGE = (Path(__file__).parents[2] / "docs" / "warnings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*Reason, *Change, *Refusal, *Ignored])
def test_every_named_reason_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize(
    "figure",
    [
        f"stayed well for {WELL_FOR_S:g} s",
        f"paused for over {LONGEST_GAP_S:g} s",
        "after {:g} s, the commander after {:g} s".format(*ESCALATE_AT_S[:2]),
        f"after {ESCALATE_AT_S[2]:g} s. Acknowledging",
        f"not heard for {STALE_AFTER_S:g} s",
        f"head height ({HEAD_HEIGHT_M:g} m)",
        f"coarser than {COARSEST_M_PER_PX:g} m per pixel",
        f"a picture {NOMINAL_WIDTH_PX} pixels wide",
    ],
)
def test_the_times_and_measures_are_the_codes(figure: str) -> None:
    assert figure in " ".join(PAGE.split())
