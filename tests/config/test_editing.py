"""Editing the site file: one change, everything else as it was, and never a broken file."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

import config
from config.editing import Change, SiteEditor, StaleVersionError, UnknownThingError, edited
from config.findings import SiteFileError
from config.site_file import inspect_site

SMALL = Path(config.__file__).parent / "sites" / "shichahai-small.yaml"


@pytest.fixture
def editor(tmp_path: Path) -> SiteEditor:
    path = tmp_path / "site.yaml"
    shutil.copy(SMALL, path)
    return SiteEditor(path)


def changed_lines(before: str, after: str) -> list[str]:
    return [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]


@pytest.mark.parametrize("name", ["shichahai-small.yaml", "shichahai.yaml"])
def test_a_change_touches_its_own_lines_only(name: str) -> None:
    before = (SMALL.parent / name).read_text(encoding="utf-8")
    after = edited(
        before, Change(kind="people", id="newcomer", value={"name": "新人", "roles": ["viewer"]})
    )
    lines = changed_lines(before, after)
    assert all(line.startswith("+") for line in lines), lines
    assert any("newcomer" in line for line in lines)


def test_a_terminal_that_only_plays_goes_on_doing_so_when_something_else_of_it_is_changed(
    editor: SiteEditor,
) -> None:
    before = editor.path.read_text(encoding="utf-8")
    site, _ = inspect_site(editor.path)
    one = next(each for each in site.terminals if each.plays)
    value = one.model_dump(mode="json", exclude_defaults=True)
    value["at"] = [1, 5]
    change = Change(kind="terminals", id=one.id, value=value)
    assert editor.change(change, version=editor.version()).saved
    lines = changed_lines(before, editor.path.read_text(encoding="utf-8"))
    assert len(lines) == 2
    assert all("plays: wav" in line for line in lines)


def test_comments_stay_and_the_site_is_the_changed_one(editor: SiteEditor) -> None:
    before = editor.path.read_text(encoding="utf-8")
    site, _ = inspect_site(editor.path)
    zone = next(one for one in site.zones if one.id == "bridge").model_dump(mode="json")
    zone["outline"][0] = [-4, -14]
    made = editor.change(Change(kind="zones", id="bridge", value=zone), version=editor.version())
    assert made.saved
    after = editor.path.read_text(encoding="utf-8")
    assert [line for line in before.splitlines() if "#" in line] == [
        line for line in after.splitlines() if "#" in line
    ]
    assert len(changed_lines(before, after)) == 2
    again, _ = inspect_site(editor.path)
    assert next(one for one in again.zones if one.id == "bridge").outline[0] == (-4.0, -14.0)


def test_hidden_credentials_stay_where_a_change_does_not_name_them(editor: SiteEditor) -> None:
    site, _ = inspect_site(editor.path)
    camera = site.cameras[0].model_dump(mode="json", exclude_defaults=True)
    wanted = {key: value for key, value in camera.items() if key not in ("username", "password")}
    editor.change(
        Change(kind="cameras", id=camera["id"], value=wanted | {"every_s": 3}),
        version=editor.version(),
    )
    after, _ = inspect_site(editor.path)
    assert after.cameras[0].every_s == 3
    assert after.cameras[0].password == site.cameras[0].password


def test_a_broken_change_is_refused_whole_and_named(editor: SiteEditor) -> None:
    before = editor.path.read_text(encoding="utf-8")
    with pytest.raises(SiteFileError) as refused:
        editor.change(Change(kind="zones", id="bridge", value=None), version=editor.version())
    assert any("bridge" in str(finding) for finding in refused.value.findings)
    with pytest.raises(SiteFileError):
        editor.change(
            Change(kind="people", id="x", value={"name": "x", "roles": ["emperor"]}),
            version=editor.version(),
        )
    assert editor.path.read_text(encoding="utf-8") == before
    assert [path.name for path in editor.path.parent.iterdir()] == ["site.yaml"]


def test_two_editors_never_write_over_each_other(editor: SiteEditor) -> None:
    seen = editor.version()
    person = {"name": "新人", "roles": ["viewer"]}
    editor.change(Change(kind="people", id="one", value=person), version=seen)
    with pytest.raises(StaleVersionError):
        editor.change(Change(kind="people", id="two", value=person), version=seen)
    with pytest.raises(UnknownThingError):
        editor.change(Change(kind="people", id="nobody"), version=editor.version())


def test_a_preview_and_a_read_only_file_give_a_diff(
    editor: SiteEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = editor.path.read_text(encoding="utf-8")
    change = Change(
        kind="roster", value=[{"start": "08:00", "end": "16:00", "people": ["operator"]}]
    )
    preview = editor.change(change, version=editor.version(), preview=True)
    assert not preview.saved
    # The tests may run as root, who can write everything.
    monkeypatch.setattr(SiteEditor, "writable", property(lambda _: False))
    shown = editor.change(change, version=editor.version())
    assert not shown.saved
    assert "+roster:" in shown.diff
    assert preview.diff == shown.diff
    assert editor.path.read_text(encoding="utf-8") == before
