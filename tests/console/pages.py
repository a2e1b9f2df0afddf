"""Every page of the console by its address, and scenes that go on living while it is looked at."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from config.editing import SiteEditor
from config.schema import SiteFile
from model.clock import SystemClock
from tests.console import scenes
from tests.console.server import Served, served
from tests.console.stage import Stage, staged
from tests.console.stage_site import SMALL_SITE
from tests.waiting import wait_until

Scene = Callable[[Stage], object]
SCENES: dict[str, tuple[Scene, Scene]] = {
    "calm": (scenes.calm, scenes.breathe_calm),
    "red": (scenes.red, scenes.breathe_red),
    "dark": (scenes.dark, scenes.breathe_dark),
}
"""How each scene is set, and what the field goes on saying while it lasts."""
BREATH_S = 2.0

PAGES = {
    "desk": ("operator", "/#/", "desk"),
    "zone": ("operator", "/#/zone/bridge", "zone-page"),
    "camera": ("operator", "/#/camera/bridge-north", "camera-page"),
    "broadcast": ("commander", "/#/broadcast", "broadcast-page"),
    "dispatch": ("operator", "/#/dispatch/report-0001", "dispatch-page"),
    "admin-zones": ("integrator", "/#/admin/zones", "admin-page"),
    "admin-cameras": ("integrator", "/#/admin/cameras?camera=gulou", "admin-page"),
    "admin-rules": ("integrator", "/#/admin/rules", "admin-page"),
    "admin-people": ("admin", "/#/admin/people", "admin-page"),
    "admin-duty": ("commander", "/#/admin/duty", "admin-page"),
}


def report_a_problem(page: Page, url: str) -> None:
    """Somebody on ice, so that lists and phones have something to show."""
    form = {"id": "report-0001", "kind": "ice", "grade": "sudden", "zone": "qianhai"}
    sent = page.request.post(
        f"{url}/api/v1/dispatches", data=form | {"place": [-30, -27], "text": "冰面有人"}
    )
    assert sent.ok, sent.text()


@contextmanager
def living_scene(
    folder: Path, scene: str, *, everyone: SiteFile | None = None
) -> Iterator[tuple[Stage, Served]]:
    """A scene behind a real socket, with a field that goes on breathing.

    `everyone` is a site whose operator has all roles and opens every page.
    """
    begin, breathe = SCENES[scene]
    over = threading.Event()
    site = folder / "site.yaml"
    shutil.copy(SMALL_SITE, site)
    with staged(folder / "store", SystemClock(), editor=SiteEditor(site), site=everyone) as stage:
        stage.enrol("operator", *(() if everyone else ("viewer",)))

        def go_on() -> None:
            while not over.wait(BREATH_S):
                breathe(stage)

        with served(stage) as server:
            wait_until(stage.app.state.context.live._ready.is_set, within_s=60)
            begin(stage)
            field = threading.Thread(target=go_on, name="breathing field")
            field.start()
            try:
                yield stage, server
            finally:
                over.set()
                field.join()
