"""Which correction a worker gives a camera: its file's, or what was marked at the console."""

from __future__ import annotations

import shutil
from pathlib import Path

from config.schema import Marked
from crowd.band_correction import ONE_SCALE, SCALES, BandCorrection
from crowd.corrected_estimator import write_correction
from crowd.estimator import Estimator
from crowd.weights_file import shipped
from service.corrections import corrections_of
from service.learnt import learnt_for
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
    found, faults = corrections_of(known, tmp_path)
    assert set(found) == {"marked", "filed"}
    assert set(faults) == {"broken"}
    assert "none.json" in faults["broken"]
    assert found["filed"] == by_band
    assert found["filed"].scales == SCALES
    assert found["marked"].scales == ONE_SCALE
    assert round(found["marked"].slopes[0], 1) == 2.0


def test_marks_of_what_another_network_counted_teach_nothing_and_that_is_said(
    tmp_path: Path,
) -> None:
    """After an update the same people are other counts: an old correction would be wrong without a word."""
    now = Estimator("small").model
    old = [one.model_copy(update={"model": "small-int8-00000000"}) for one in MARKED]
    fresh = [one.model_copy(update={"model": now, "heads": round(one.counted)}) for one in MARKED]
    plain = site(*(eye(name) for name in ("old", "both", "fresh")))
    taught = {"old": old, "both": [*old, *fresh], "fresh": fresh}
    cameras = [one.model_copy(update={"marked": taught[one.id]}) for one in plain.cameras]
    known = plain.model_copy(update={"cameras": cameras})
    found, faults = corrections_of(known, tmp_path)
    assert set(found) == {"both", "fresh"}
    assert found["both"] == found["fresh"]
    assert set(faults) == {"old", "both"}
    assert "not corrected" in faults["old"]
    assert "3 of 6" in faults["both"]
    assert all("small-int8-00000000" in fault and now in fault for fault in faults.values())


def test_a_file_for_another_training_of_the_same_network_is_refused(tmp_path: Path) -> None:
    """Two files of one name are told apart by what is in them."""
    weights = tmp_path / "small.onnx"
    shutil.copy(shipped("small"), weights)
    same = Estimator("small", weights=weights).model
    assert same == Estimator("small").model
    with weights.open("ab") as file:
        # A field of the format that readers pass over.
        file.write(b"\x9a\x3e\x01x")
    assert Estimator("small", weights=weights).model != same


def test_the_console_is_told_what_each_file_was_learnt_for(tmp_path: Path) -> None:
    plain = site(*(eye(name) for name in ("filed", "gone", "broken", "untaught")))
    files = {"filed": "filed.json", "gone": "gone.json", "broken": "broken.json"}
    cameras = [
        one.model_copy(update={"correction_file": files.get(one.id)}) for one in plain.cameras
    ]
    old = BandCorrection(
        model="small-int8-00000000",
        slopes=(1.0,),
        offsets=(0.0,),
        spread=1.0,
        reach=1.8,
        pictures=3,
    )
    write_correction(tmp_path / "filed.json", old)
    (tmp_path / "broken.json").write_text("[]")
    known = plain.model_copy(update={"cameras": cameras})
    assert learnt_for(known, tmp_path) == {"filed": "small-int8-00000000"}
