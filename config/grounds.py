"""How a camera's picture lies on the ground, as the site file says it: points, a grid or people."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from config.strict import Strict

Metres = Annotated[float, Field(ge=-100_000, le=100_000)]
Bearing = Annotated[float, Field(ge=0, lt=360)]
Pixel = Annotated[float, Field(ge=-10_000, le=20_000)]
Slabs = Annotated[int, Field(ge=1, le=1000)]


class GroundPoint(Strict):
    """A point seen in a camera's picture (pixels) and its place on the ground (metres)."""

    px: Pixel
    py: Pixel
    x_m: Metres
    y_m: Metres


class GridCorner(Strict):
    """A corner of the grid seen in the picture: so many slabs along and so many rows ahead."""

    px: Pixel
    py: Pixel
    column: Annotated[int, Field(ge=0, le=1000)]
    row: Annotated[int, Field(ge=0, le=1000)]


class GroundGrid(Strict):
    """A grid of known size on the ground, such as paving slabs, and four or more of its corners.

    Columns count to the right when one looks the way rows count. A slab is `column_m` wide and
    `row_m` deep. `at` is the place of corner (0, 0) and `bearing_deg` the way rows count, clockwise
    from north; without them the camera's own `at` and `bearing_deg` put it on the map.
    """

    columns: Slabs
    rows: Slabs
    column_m: Annotated[float, Field(ge=0.05, le=100)]
    row_m: Annotated[float, Field(ge=0.05, le=100)]
    corners: Annotated[list[GridCorner], Field(min_length=4, max_length=200)]
    at: tuple[Metres, Metres] | None = None
    bearing_deg: Bearing | None = None

    @model_validator(mode="after")
    def _corners_are_of_the_grid(self) -> Self:
        if (self.at is None) != (self.bearing_deg is None):
            raise ValueError("`at` and `bearing_deg` put the grid on the map together: give both")
        seen: dict[tuple[int, int], int] = {}
        for number, one in enumerate(self.corners):
            here = (one.column, one.row)
            if one.column > self.columns or one.row > self.rows:
                raise ValueError(
                    f"corners[{number}] is column {one.column}, row {one.row}, and the grid ends at "
                    f"column {self.columns}, row {self.rows}: both count from 0"
                )
            if here in seen:
                raise ValueError(
                    f"corners[{number}] is column {one.column}, row {one.row}, as "
                    f"corners[{seen[here]}] is already: mark each corner once"
                )
            seen[here] = number
        return self


class MarkedPerson(Strict):
    """Somebody who stands upright: foot and top of the head as [column, row] in pixels.

    `height_m` where it was measured.
    """

    foot_px: tuple[Pixel, Pixel]
    head_px: tuple[Pixel, Pixel]
    height_m: Annotated[float, Field(ge=0.5, le=2.5)] | None = None

    @model_validator(mode="after")
    def _stands_upright(self) -> Self:
        if self.foot_px[1] - self.head_px[1] < 1:
            raise ValueError(
                f"the head (row {self.head_px[1]:g}) is not above the foot (row "
                f"{self.foot_px[1]:g}): rows count from the top of the picture"
            )
        return self


class GroundPeople(Strict):
    """Standing people whose height is about known: mean and spread, metres.

    `view_deg` is the lens's horizontal angle and `mast_m` the camera's height above the ground, where
    somebody knows them.
    """

    marks: Annotated[list[MarkedPerson], Field(min_length=4, max_length=200)]
    height_m: Annotated[float, Field(ge=0.8, le=2.2)] = 1.68
    spread_m: Annotated[float, Field(ge=0.01, le=0.3)] = 0.07
    view_deg: Annotated[float, Field(ge=5, le=150)] | None = None
    mast_m: Annotated[float, Field(ge=1, le=200)] | None = None


class Ground(Strict):
    """How a camera's picture lies on the ground: the picture's size, and one of three ways to tell.

    `points` are places known in metres, `grid` is a grid of known size, `people` are standing people.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [one]} for one in ("points", "grid", "people")]}
    )

    width_px: Annotated[int, Field(ge=16, le=20_000)]
    height_px: Annotated[int, Field(ge=16, le=20_000)]
    points: Annotated[list[GroundPoint], Field(min_length=4, max_length=200)] | None = None
    grid: GroundGrid | None = None
    people: GroundPeople | None = None

    @model_validator(mode="after")
    def _told_in_one_way(self) -> Self:
        ways = ("points", "grid", "people")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) != 1:
            told = " and ".join(f"`{way}`" for way in given) if given else "none of them"
            raise ValueError(f"needs one of `points`, `grid` and `people`, and has {told}")
        for number, one in enumerate(self.people.marks if self.people else ()):
            for x, y in (one.foot_px, one.head_px):
                if not (0 <= x <= self.width_px and 0 <= y <= self.height_px):
                    raise ValueError(
                        f"people.marks[{number}] is at column {x:g}, row {y:g}, outside the picture of "
                        f"{self.width_px} × {self.height_px}: mark whole people"
                    )
        return self
