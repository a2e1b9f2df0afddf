"""How `yinding check` tells calibrations: what is wrong with them, how sure they are, what is seen."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from config.calibration import GroundProblem
from crowd.ground_survey import GroundSurvey, ZoneCovered

WORST_TOLD = 3


def tell_grounds(grounds: list[GroundSurvey], covered: list[ZoneCovered], *, every: bool) -> None:
    """Problems always; with `every`, each camera's calibration and each zone's share that is seen."""
    for one in grounds:
        if one.form is None:
            typer.echo(f"cameras {one.camera}: no density: {one.problem}: {one.detail}")
        elif every or one.problem is not None or one.set_aside:
            typer.echo(f"cameras {one.camera}: {'; '.join(_calibration(one))}")
    if every:
        for zone in covered:
            typer.echo(f"zones {zone.zone}: {zone.share:.0%} of {zone.area_m2:.0f} m² is seen")
    elif grounds:
        usable = sum(one.form is not None for one in grounds)
        typer.echo(
            f"ground: {usable} of {len(grounds)} calibrations can be used (--ground tells all)"
        )


def _calibration(one: GroundSurvey) -> Iterator[str]:
    """One camera's calibration in a few phrases."""
    yield f"by {one.form}, {len(one.misses)} marks"
    if one.miss_px is not None:
        yield f"beside their fit by {one.miss_px:.1f} px"
    if one.height_error is not None:
        yield f"heights off by {one.height_error:.1%}, areas good to ±{one.area_error or 0.0:.0%}"
    elif one.area_error is not None:
        yield f"areas good to ±{one.area_error:.0%}"
    if one.set_aside and one.form == "people":
        worst = ", ".join(f"{at + 1} ({one.misses[at]:+.0%})" for at in one.set_aside[:WORST_TOLD])
        yield f"{len(one.set_aside)} set aside: person {worst}"
    if one.mast_m is not None:
        yield f"hangs {one.mast_m:.1f} m high, {one.pitch_deg:.0f}° down, lens {one.view_deg:.0f}°"
    if not one.upright:
        yield (
            "no upright camera explains them, so that people are placed on the ground by their heads "
            f"and look thinner than they are: {one.detail}"
        )
    if one.problem in {GroundProblem.LENS_OPEN, GroundProblem.SLIPPED}:
        yield one.detail
    if not one.placed:
        # A grid has its place by the camera's, which marks that nothing upright explains do not tell.
        remedy = f": {one.detail}" if one.problem is GroundProblem.NO_PLACE else ""
        yield f"sees {one.seen_m2:.0f} m², density without a place{remedy}"
    for zone in one.zones:
        yield f"sees {zone.seen_m2:.0f} m² of {zone.zone} ({zone.share:.0%})"
