"""A correction that the network of today cannot use is told where the camera is watched and set up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from ruamel.yaml import YAML

from config.editing import SiteEditor
from model.clock import SystemClock
from tests.console.look import IN_CHROMIUM, open_page, sign_in
from tests.console.server import served
from tests.console.stage import staged
from tests.console.stage_site import CALM, SMALL_SITE, small_site

pytestmark = IN_CHROMIUM

OLDER = "small-int8-00000000"
OLD = {"counted": 10, "heads": 12, "model": OLDER}
BELIEVED = {"counted": 10, "heads": 12}


@pytest.mark.parametrize(
    ("taught", "learnt_for", "said"),
    [
        ({"marked": [OLD, OLD, BELIEVED]}, {}, ("en", "2 of 3 marked pictures")),
        ({"marked": [OLD, OLD, BELIEVED]}, {}, ("zh", "3 张画面中有 2 张")),
        ({"marked": [OLD, OLD]}, {}, ("en", "is not applied; mark again")),
        ({"marked": [BELIEVED], "correction_file": "a.json"}, {"gulou": OLDER}, ("en", OLDER)),
        ({"marked": [BELIEVED]}, {}, ("en", None)),
    ],
    ids=["some", "some in Chinese", "all", "a file", "none"],
)
def test_what_a_correction_was_learnt_by_is_told_when_it_counts_no_more(
    browser: Browser,
    tmp_path: Path,
    taught: dict[str, Any],
    learnt_for: dict[str, str],
    said: tuple[str, str | None],
) -> None:
    language, words = said
    path, yaml = tmp_path / "site.yaml", YAML()
    body = yaml.load(SMALL_SITE.read_text(encoding="utf-8"))
    next(one for one in body["cameras"] if one["id"] == "gulou").update(taught)
    yaml.dump(body, path)
    site = small_site(cameras=YAML(typ="safe").load(path.read_text(encoding="utf-8"))["cameras"])
    with staged(
        tmp_path / "store", SystemClock(), editor=SiteEditor(path), site=site, learnt_for=learnt_for
    ) as stage:
        stage.enrol("integrator")
        with served(stage) as server:
            page = open_page(browser, server.url, language=language)
            sign_in(page, "integrator")
            stage.breathe(CALM)
            for address in ("camera/gulou", "admin/cameras?camera=gulou"):
                page.goto(f"{server.url}/#/{address}")
                shown = "camera-reading" if address.startswith("camera") else "calibration"
                page.get_by_test_id(shown).wait_for()
                doubt = page.get_by_test_id("correction-doubt")
                if words is None:
                    expect(doubt).to_have_count(0)
                else:
                    expect(doubt).to_contain_text(words)
            page.context.close()
