"""Many seeded runs of the whole system, and what they came to together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from service.torture_plants import TorturePlant
from service.torture_run import run_seed
from simulators.torture.observer import Findings

BAD = ("missed", "doubled", "unowned", "unsafe_raises", "forged_obeyed", "crashes")
DENOMINATORS = ("runs", "simulated_s", "crossings", "orders", "raises_asked", "forged_sent")

Summary = dict[str, Any]


def torture(
    *,
    runs: int,
    seed: int,
    plant: TorturePlant | None,
    jobs: int,
    on_run: Callable[[Findings], None] = lambda _findings: None,
) -> Summary:
    """Run the seeds `seed` to `seed + runs - 1`; `on_run` is told of each in their order."""
    total: Counter[str] = Counter(dict.fromkeys((*BAD, *DENOMINATORS), 0))
    faults: Counter[str] = Counter()
    failed: list[int] = []
    for findings in _findings(range(seed, seed + runs), plant, jobs):
        on_run(findings)
        total["runs"] += 1
        for name in ("crossings", "orders", "raises_asked", "forged_sent"):
            total[name] += getattr(findings, name)
        total["simulated_s"] += round(findings.simulated_s)
        for name in BAD:
            total[name] += findings.count(name)
        faults.update(findings.faults)
        if findings.found:
            failed.append(findings.seed)
    return {
        "runs": total["runs"],
        **{name: total[name] for name in BAD},
        "failed_seeds": failed,
        **{name: total[name] for name in DENOMINATORS[1:]},
        "faults": dict(sorted(faults.items())),
    }


def faults_found(summary: Summary) -> list[str]:
    """Why a torture's result is bad, in words; nothing where it is good."""
    bad = [f"{summary[name]} {name}" for name in BAD if summary[name]]
    bad += [f"no {name}: the runs prove nothing" for name in DENOMINATORS if not summary[name]]
    if not summary["faults"]:
        bad.append("no faults: the runs prove nothing")
    return bad


def _findings(seeds: range, plant: TorturePlant | None, jobs: int) -> Iterator[Findings]:
    run = partial(run_seed, plant=plant)
    if jobs == 1:
        quiet = logging.root.manager.disable
        logging.disable(logging.ERROR)
        try:
            yield from map(run, seeds)
        finally:
            logging.disable(quiet)
        return
    with ProcessPoolExecutor(jobs, initializer=logging.disable, initargs=(logging.ERROR,)) as pool:
        yield from pool.map(run, seeds)
