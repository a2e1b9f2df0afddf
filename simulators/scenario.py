"""Scenarios: what happens at a simulated site, beat by beat, as data.

A scenario knows only the field: how dense the crowds are, what the sensors measure, which camera
fails. It never says what the service should do about it; that is judged afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from config.schema import SiteFile
from config.strict import DeviceId, Strict, Words

CameraFault = Literal["none", "drop", "stall", "black", "frozen", "garbage"]
DensityPerM2 = Annotated[float, Field(ge=0, le=9)]


class ScenarioError(Exception):
    """A scenario that cannot be read or does not fit the site; names what and where."""


class Beat(Strict):
    """One moment of a scenario, `at` being a share of its length, and what changes then.

    `crowds` is people per m² on a zone's watched ground, `inflow` people per second through a
    gate (negative: out), `alarms` true while a hazard is raised.
    """

    at: Annotated[float, Field(ge=0, le=1)]
    say: Words
    crowds: dict[DeviceId, DensityPerM2] = Field(default_factory=dict)
    sensors: dict[DeviceId, float] = Field(default_factory=dict)
    inflow: dict[DeviceId, Annotated[float, Field(ge=-50, le=50)]] = Field(default_factory=dict)
    alarms: dict[DeviceId, bool] = Field(default_factory=dict)
    cameras: dict[DeviceId, CameraFault] = Field(default_factory=dict)


class Scenario(Strict):
    """A timeline of beats; it starts with one at 0 that sets the scene."""

    name: DeviceId
    length_s: Annotated[float, Field(ge=30, le=86_400)]
    beats: Annotated[list[Beat], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        moments = [beat.at for beat in self.beats]
        if moments != sorted(moments):
            raise ValueError("`beats` must stand in the order of their `at`")
        if moments[0] != 0:
            raise ValueError("the first beat must stand at 0")
        return self

    def densities_of(self, zone: str) -> tuple[float, ...]:
        """Every crowd density, people per m², that this zone lives through, ascending."""
        return tuple(sorted({beat.crowds[zone] for beat in self.beats if zone in beat.crowds}))

    def strangers(self, site: SiteFile) -> list[str]:
        """Names in the scenario that the site does not have."""
        known = {
            "crowds": {zone.id for zone in site.zones},
            "sensors": {sensor.id for sensor in site.sensors},
            "alarms": {sensor.id for sensor in site.sensors},
            "inflow": {counter.id for counter in site.counters},
            "cameras": {camera.id for camera in site.cameras},
        }
        return sorted(
            f"beat {index + 1}: {field}: {name}"
            for index, beat in enumerate(self.beats)
            for field, names in known.items()
            for name in getattr(beat, field)
            if name not in names
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A beat with the second of the run at which it falls."""

    second: float
    beat: Beat


def timeline(scenario: Scenario, length_s: float) -> tuple[Due, ...]:
    """The scenario's beats stretched or pressed to a run of `length_s` seconds."""
    return tuple(Due(beat.at * length_s, beat) for beat in scenario.beats)


def load_scenario(name: str) -> Scenario:
    """Read a scenario by its file's path or by the name of a shipped one."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{name}: cannot be read: {error}") from error
    else:
        shipped = resources.files("simulators") / "scenarios" / f"{name}.yaml"
        if not shipped.is_file():
            have = sorted(
                entry.name.removesuffix(".yaml")
                for entry in (resources.files("simulators") / "scenarios").iterdir()
                if entry.name.endswith(".yaml")
            )
            raise ScenarioError(f"no scenario `{name}`; shipped are: {', '.join(have)}")
        text = shipped.read_text(encoding="utf-8")
    try:
        return Scenario.model_validate(YAML(typ="safe", pure=True).load(text))
    except YAMLError as error:
        raise ScenarioError(f"{name}: not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScenarioError(f"{name}: {where}: {first['msg']}") from error
