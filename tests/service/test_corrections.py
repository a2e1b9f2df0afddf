"""Which correction a worker gives a camera: its file's, or what was marked at the console."""

from __future__ import annotations

from pathlib import Path

from config.schema import Marked
from crowd.band_correction import ONE_SCALE, SCALES, BandCorrection
from crowd.corrected_estimator import write_correction
from crowd.estimator import Estimator
from service.site import LoadedSite
from service.worker import corrections_of
from tests.crowd.test_zones import eye, site

MARKED = [Marked(counted=counted, heads=2 * counted) for counted in (10, 20, 30)]


def test_a_file_goes_before_marks_and_a_broken_one_corrects_nothing(tmp_path: Path) -> None:
    plain = site(*(eye(name) for name in ("marked", "filed", "broken", "untaught")))
    taught: dict[str, dict[str, object]] = {
        "marked": {"marked": MARKED},
        "filed": {"marked": MARKED, "correction_file": "filed.json"},
        "broken": {"marked": MARKED, "correction_file": "none.json"},
    }
    cameras = [one.model_copy(update=taught.get(one.id, {})) for one in plain.cameras]
    known = plain.model_copy(update={"cameras": cameras})
    by_band = BandCorrection(
        model=Estimator("small").model,
        slopes=(1.0, 1.1, 1.2, 1.3),
        offsets=(0.0,) * 4,
        spread=1.0,
        reach=1.8,
        pictures=10,
    )
    write_correction(tmp_path / "filed.json", by_band)
    found = corrections_of(LoadedSite(site=known, path=tmp_path / "site.yaml"))
    assert set(found) == {"marked", "filed"}
    assert found["filed"] == by_band
    assert found["filed"].scales == SCALES
    assert found["marked"].scales == ONE_SCALE
    assert round(found["marked"].slopes[0], 1) == 2.0
