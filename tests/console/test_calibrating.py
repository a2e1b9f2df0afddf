"""What a camera is drawn to see on the plan, by the marks of its calibration."""

from __future__ import annotations

from console.calibrating import marked_places
from crowd.ground import Ground
from tests.crowd.test_ground_people import lake, marked


def test_a_mark_that_is_set_aside_does_not_shape_what_a_camera_is_drawn_to_see() -> None:
    """A foot marked far up in the picture would put the camera's view hundreds of metres away."""
    people = marked(1).model_dump(exclude_none=True)
    people["people"]["marks"][3] = {"foot_px": [640.0, 110.0], "head_px": [640.0, 8.0]}
    camera = lake(ground=people, at=[0.0, 0.0], bearing_deg=0.0).cameras[0]
    assert camera.ground is not None
    found = Ground(camera.ground, [], at=(0.0, 0.0), bearing_deg=0.0).calibration.people
    assert found is not None
    assert 3 in found.set_aside
    assert len(marked_places(camera)) == 20 - len(found.set_aside)
