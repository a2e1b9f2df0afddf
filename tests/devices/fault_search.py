"""How the state machines look for a planted fault."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

SEARCH = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    report_multiple_bugs=False,
)
"""Finding a fault is enough here; making its story short is for who meets one."""
