"""The site, the pictures and the evening that the stage plays with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from argon2 import PasswordHasher
from ruamel.yaml import YAML

import config
from config.schema import SiteFile
from console.ports import Still
from model.clock import Clock
from model.level import Sight

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Real password hashes with little work: their strength is not what is tested here."""

PASSWORD = "lantern-on-the-bridge"
COUNTED_BY = "small-int8-5eed5eed"
SMALL_SITE = Path(config.__file__).parent / "sites" / "shichahai-small.yaml"

UNITS = {"responder": "景区管理处"}

CALM = {"bridge": 46, "yandai": 88, "lotus": 120, "qianhai": 40, "houhai": 96, "gulou": 31}
FULL = {"bridge": 158, "yandai": 190, "lotus": 243, "qianhai": 77, "houhai": 233, "gulou": 64}
AREA = {"bridge": 150, "yandai": 330, "lotus": 450, "qianhai": 250, "houhai": 420, "gulou": 200}


def small_site(**parts: object) -> SiteFile:
    """The small Shichahai with one person of every role; `parts` take the place of the file's."""
    body = YAML(typ="safe").load(SMALL_SITE.read_text(encoding="utf-8"))
    body["people"] = [
        {"id": role, "name": name, "roles": [role], "unit": UNITS.get(role)}
        for role, name in (
            ("viewer", "田静"),
            ("operator", "李明"),
            ("commander", "王芳"),
            ("responder", "赵强"),
            ("integrator", "孙悦"),
            ("admin", "周敏"),
        )
    ]
    body["roster"] = []
    return SiteFile.model_validate(body | parts)


class StagePictures:
    """Stills as the workers would send them: here a drawn street with as many heads as counted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stills: dict[str, Still] = {}
        self.watched: set[str] = set()

    def latest(self, camera: str) -> Still | None:
        return self._stills.get(camera)

    def watch(self, camera: str) -> None:
        self.watched.add(camera)

    def show(self, camera: str, count: float | None) -> None:
        """Put up a new still; no count means a black picture."""
        picture = np.zeros((360, 640, 3), np.uint8) if count is None else _street(camera, count)
        _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 70])
        self._stills[camera] = Still(
            camera=camera,
            at=self._clock.now(),
            jpeg=jpeg.tobytes(),
            sight=Sight.BLIND if count is None else Sight.LIVE,
            count=count,
            model="" if count is None else COUNTED_BY,
        )


def _street(camera: str, count: float) -> np.ndarray:
    rng = np.random.default_rng(sum(camera.encode()))
    picture = np.full((360, 640, 3), (150, 158, 160), np.uint8)
    picture[:110] = (196, 188, 176)
    cv2.fillPoly(
        picture, [np.array([[210, 110], [430, 110], [640, 360], [0, 360]])], (128, 134, 138)
    )
    for y in sorted(rng.uniform(125, 350, size=int(count))):
        depth = (y - 110) / 250
        x = int(320 + (rng.uniform(-0.9, 0.9)) * (110 + 210 * depth))
        size = int(3 + 9 * depth)
        shade = tuple(int(c) for c in rng.integers(30, 120, 3))
        cv2.ellipse(picture, (x, int(y) + 2 * size), (size, 2 * size), 0, 0, 360, shade, -1)
        cv2.circle(picture, (x, int(y)), max(2, size // 2), (96, 120, 160), -1)
    return picture


EVENING = datetime(2026, 2, 28, 19, 40, tzinfo=UTC) - timedelta(hours=8)
