"""Which cameras count with a correction of their own, and which of them cannot, and why."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from config.schema import Camera, SiteFile
from crowd.band_correction import BandCorrection, learn_totals
from crowd.corrected_estimator import CorrectedEstimator, CorrectionError, read_correction
from crowd.estimator import Estimator, Size


def corrections_of(
    site: SiteFile, folder: Path
) -> tuple[dict[str, BandCorrection], dict[str, str]]:
    """What was learned of cameras from marked pictures, and what could not be used of it, by camera.

    Files lie beside the site file, in `folder`.
    """
    found: dict[str, BandCorrection] = {}
    faults: dict[str, str] = {}
    estimators: dict[Size, Estimator] = {}
    for camera in site.cameras:
        if camera.correction_file is None and not camera.marked:
            continue
        if camera.model not in estimators:
            estimators[camera.model] = Estimator(camera.model)
        learn = _from_marks if camera.correction_file is None else partial(_from_file, folder)
        try:
            found[camera.id], fault = learn(camera, estimators[camera.model])
        except CorrectionError as error:
            fault = f"it is not corrected: {error}"
        if fault:
            faults[camera.id] = fault
    return found, faults


def _from_file(folder: Path, camera: Camera, estimator: Estimator) -> tuple[BandCorrection, str]:
    """From the camera's file, which knows bands."""
    correction = read_correction(folder / str(camera.correction_file))
    CorrectedEstimator(estimator, correction)
    return correction, ""


def _from_marks(camera: Camera, estimator: Estimator) -> tuple[BandCorrection, str]:
    """From the totals marked at the console, of what the camera's network counted."""
    known = [one for one in camera.marked if one.model in (None, estimator.model)]
    others = ", ".join(
        sorted({one.model for one in camera.marked if one.model} - {estimator.model})
    )
    if not known:
        raise CorrectionError(
            f"its marked pictures were counted by {others}, not by {estimator.model}; mark again"
        )
    correction = learn_totals(
        [one.counted for one in known], [one.heads for one in known], model=estimator.model
    )
    left_out = len(camera.marked) - len(known)
    fault = f"{left_out} of {len(camera.marked)} marked pictures were counted by {others}"
    return correction, f"{fault}, not by {estimator.model}, and teach nothing" if left_out else ""
