"""Every fault of a site file is told with its line and its remedy, all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.findings import Finding, SiteFileError
from config.site_file import inspect_site, load_site
from tests.config.site_text import GOOD, write_site


def refused(path: Path) -> list[Finding]:
    with pytest.raises(SiteFileError) as error:
        load_site(path)
    return error.value.findings


def test_a_good_site_is_loaded(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path))
    assert [zone.id for zone in site.zones] == ["bridge", "shore"]
    assert site.roster[0].start.hour == 8


class Spoilt(NamedTuple):
    """One change to a good site, and what must be told of it: on which line, where, what."""

    old: str
    new: str
    on: str
    field: str
    what: str
    right: str = ""


EMBEDDED = "embedded: true"
OUTLINE = "[[0, 0], [20, 0], [20, 10], [0, 10]]"
SPOILT = [
    Spoilt("timezone:", "timezon:", "timezon:", "site.timezon", "not a key", "did you mean `timezone`?"),
    Spoilt(EMBEDDED, "embeded: true", "embeded", "broker.embeded", "not a key", "`embedded`?"),
    Spoilt("level: red\n", "level: purple\n", "purple", "plans[0].level", "`purple`", "one of 'blue'"),
    Spoilt("lat: 39.94", "lat: 399.4", "399.4", "site.origin.lat", "399.4", "at most 90"),
    Spoilt("lat: 39.94, ", "", "origin:", "site.origin.lat", "is missing", "add"),
    Spoilt("lat: 39.94", "lat: .nan", ".nan", "site.origin.lat", "no usual number", "in decimals"),
    Spoilt("id: lake", "id: The Lake", "The Lake", "site.id", "`The Lake`", "an id of a to z"),
    Spoilt("Asia/Shanghai", "Asia/Shanghia", "Shanghia", "site.timezone", "no time zone", "`Asia/Shanghai`?"),
    Spoilt("area_m2: 180", "area_m2: many", "many", "zones[0].usable_area_m2", "`many`", "a number"),
    Spoilt("area_m2: 180", "area_m2: 1800", "1800", "zones[0].usable_area_m2", "the outline's 200 m²", "at most"),
    Spoilt(OUTLINE, "[[0, 0], [20, 10], [20, 0], [0, 10]]", "outline", "zones[0].outline", "crosses itself", "in order"),
    Spoilt(OUTLINE, "[[0, 0], [9, 0]]", "outline", "zones[0].outline", "a list", "corners"),
    Spoilt(OUTLINE, "[[0, 0], [9, 0], [18, 0]]", "outline", "zones[0].outline", "no area", "metres"),
    Spoilt("- id: shore", "- id: bridge", "- id: bridge", "zones[1].id", "is the id of zones[0]", "its own"),
    Spoilt("zones: [bridge]}\ncounters", "zones: [brigde]}\ncounters", "brigde", "cameras[0].zones[0]", "no zone `brigde`", "`bridge`?"),
    Spoilt("zones: [bridge]}\ncounters", "zones: []}\ncounters", "cam-1", "cameras[0].zones", "watches no zone", "at least one"),
    Spoilt("zones: [bridge]}\ncounters", "zones: bridge}\ncounters", "cam-1", "cameras[0].zones", "`bridge`", "a list"),
    Spoilt("zone: bridge", "zone: bride", "bride", "counters[0].zone", "no zone `bride`", "`bridge`?"),
    Spoilt("hazard: crowding\n", "hazard: crowdin\n", "crowdin\n", "plans[0].hazard", "no rule for", "`crowding`?"),
    Spoilt("    level: red\n", "    level: blue\n", "level: blue", "plans[0].level", "reaches blue", "a level"),
    Spoilt("[north]", "[nord]", "nord", "plans[0].raise_entrances[0]", "no entrance `nord`", "`north`?"),
    Spoilt("    cancel: {zh: 解除, en: All clear}\n", "", "crowd-red", "plans[0].cancel", "is missing", "takes the message back"),
    Spoilt("{zh: 解除, en: All clear}", "{zh: 请绕行, en: Take another way}", "cancel:", "plans[0].cancel", "takes nothing back"),
    Spoilt("roles: [commander]", "roles: [viewer]", "crowd-red", "plans[0].approval", "waits for two, and 1", "add people"),
    Spoilt("name: 李,", "name: {zh: 李},", "name: {zh: 李},", "people[0].name.en", "is missing", "add `en`"),
    Spoilt("people: [li]", "people: [lee]", "[lee]", "roster[0].people[0]", "no person `lee`", "known: li, wu"),
    Spoilt("raise_at: {red: 5}", "raise_at: {red: 3, blue: 4}", "red: 3", "rules[0]", "must grow"),
    Spoilt("signal: zone_density,", "signal: zone_density, zones: [shore],", "[shore]", "rules[0].zones[0]", "has no camera", "add the device"),
    Spoilt("signal: zone_density,", "signal: counterflow, zones: [bridge],", "[bridge]", "rules[0].zones[0]", "no camera with `burst` and a `ground`", "add the device"),
    Spoilt(EMBEDDED, "host: 10.0.0.5", "broker:", "broker.tls", "would be open", "`tls: true`"),
    Spoilt(EMBEDDED, "host: 10.0.0.5\n  tls: true", "broker:", "broker.username", "let anybody in", "`username`"),
    Spoilt(EMBEDDED, "username: yinding", "broker:", "broker.password", "missing beside", "both or neither"),
    Spoilt(EMBEDDED, "embedded: true\n  host: 10.0.0.5", "10.0.0.5", "broker.host", "never open"),
    Spoilt("en: Screen}, zones: [bridge]", "en: Screen}, zones: [bridge], plays: mp3", "mp3", "terminals[0].plays", "mp3", "wav"),
    Spoilt("08:00", "8 o'clock", "o'clock", "roster[0].start", "`8 o'clock`", "a time of day"),
    Spoilt("id: lake", "id: lake\n  id: lake-2", "lake-2", "site.id", "twice (first on line 2)", "keep one"),
    Spoilt("id: lake", "id: &a lake\n  timezone: *a", "&a", "site.id", "an anchor", "in full"),
    Spoilt("id: lake", "id: !!python/name:os.system lake", "python", "site.id", "the tag", "leave the tag out"),
]  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: f"{spoilt.field}: {spoilt.what}")
def test_a_fault_is_told_with_its_line_and_its_remedy(tmp_path: Path, spoilt: Spoilt) -> None:
    assert spoilt.old in GOOD
    text = GOOD.replace(spoilt.old, spoilt.new, 1)
    path = write_site(tmp_path, text)
    findings = refused(path)
    [found] = [one for one in findings if one.field == spoilt.field and spoilt.what in one.what]
    assert spoilt.right in found.right
    assert spoilt.on in text.splitlines(keepends=True)[found.line - 1]
    assert str(found).startswith(f"{path}:{found.line}: {spoilt.field}: ")


PLAYS = GOOD.replace("en: Screen}, zones: [bridge]}", "en: Screen}, zones: [bridge], plays: wav}")
AWAY = (
    "embedded: true",
    "host: 10.0.0.5\n  tls: true\n  username: s\n  password: env:BROKER_PASSWORD",
)


@pytest.mark.parametrize(
    ("console", "broker", "told"),
    [
        ("", ("", ""), None),
        ("console: {host: 0.0.0.0}\n", ("", ""), "cannot fetch from `0.0.0.0`"),
        ('console: {host: ""}\n', ("", ""), "cannot fetch from ``"),
        ('console: {host: "0"}\n', ("", ""), "cannot fetch from `0`"),
        ('console: {host: "::0"}\n', ("", ""), "cannot fetch from `::0`"),
        ("console: {host: 192.168.1.10}\n", AWAY, None),
        ("", AWAY, "cannot fetch from `127.0.0.1`"),
        ('console: {address: "https://crowds.example/"}\n', AWAY, None),
    ],
)
def test_a_terminal_that_only_plays_must_be_able_to_reach_the_console(
    tmp_path: Path, console: str, broker: tuple[str, str], told: str | None
) -> None:
    text = PLAYS.replace("zones:\n  - id", f"{console}zones:\n  - id", 1).replace(*broker, 1)
    path = write_site(tmp_path, text)
    if told is None:
        site, _ = inspect_site(path)
        assert [one.plays for one in site.terminals] == ["wav"]
        return
    [found] = refused(path)
    assert found.field == "console.address"
    assert told in found.what
    assert "http://" in found.right


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    spoilt = GOOD.replace("timezone:", "timezon:").replace("lat: 39.94", "lat: x")
    spoilt = spoilt.replace("roles: [operator]", "roles: [boss]")
    findings = refused(write_site(tmp_path, spoilt))
    assert [one.field for one in findings] == [
        "site.timezon",
        "site.origin.lat",
        "people[0].roles[0]",
    ]


def test_credentials_in_the_wrong_place_are_not_repeated(tmp_path: Path) -> None:
    spoilt = GOOD.replace("rtsp://127", "rtsp://admin:geheim77@127").replace(
        "embedded: true", "password: geheim77"
    )
    told = "\n".join(str(one) for one in refused(write_site(tmp_path, spoilt)))
    assert "rtsp://address:port/path" in told
    assert "`env:NAME` or `file:path`" in told
    assert "geheim77" not in told


UNREADABLE = [
    pytest.param(b"site: [1, 2\nbroker: x\n", 2, "not valid YAML", id="open bracket"),
    pytest.param(b"site:\n\tid: x\n", 2, "not valid YAML", id="tab"),
    pytest.param(b"site:\n  id: \xff\xfe\n", 2, "not UTF-8", id="encoding"),
    pytest.param("site:\n  名: x\n".encode("gb18030"), 2, "not UTF-8", id="GBK"),
    pytest.param(b"", 1, "holds no site", id="empty"),
    pytest.param(b"- a\n- b\n", 1, "holds no site", id="a list"),
    pytest.param(b"x: " + b"y" * 5_000_001, 1, "larger than 5 MB", id="huge"),
    pytest.param(b"a: " + b"[" * 40 + b"]" * 40, 1, "too deep", id="deep"),
    pytest.param(b"a: " + b"[" * 20_000 + b"]" * 20_000, 1, "too deep", id="very deep"),
    pytest.param(b"a: \x00\n", 1, "not valid YAML", id="control characters"),
    pytest.param(b"a: 1\n---\nb: 2\n", 2, "a second document", id="two documents"),
    pytest.param(
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 1, "an anchor", id="a bomb of aliases"
    ),
    pytest.param(b"a: &a {x: 1}\nb:\n  <<: *a\n", 1, "an anchor", id="anchor"),
    pytest.param(b"b:\n  <<: {x: 1}\n", 2, "no plain word", id="merge key"),
]


@pytest.mark.parametrize(("raw", "line", "what"), UNREADABLE)
def test_an_unreadable_file_is_refused_by_name(
    tmp_path: Path, raw: bytes, line: int, what: str
) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(raw)
    first = refused(path)[0]
    assert what in first.what
    assert (first.file, first.line) == (str(path), line)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    [one] = refused(tmp_path / "none.yaml")
    assert "cannot be read" in one.what
    [one] = refused(tmp_path)
    assert "cannot be read" in one.what


def test_a_byte_order_mark_from_windows_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_site(path).site.id == "lake"


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(GOOD)), put=st.text(max_size=6), drop=st.integers(0, 12))
def test_whatever_is_typed_is_loaded_or_refused_and_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, cut: int, put: str, drop: int
) -> None:
    path = tmp_path_factory.mktemp("s") / "site.yaml"
    path.write_bytes((GOOD[:cut] + put + GOOD[cut + drop :]).encode(errors="replace"))
    try:
        load_site(path)
    except SiteFileError as error:
        assert error.findings
        assert all(one.line >= 1 and one.what for one in error.findings)


@pytest.mark.parametrize(
    "address", ["http://10.0.0.5/广播", "http://例.中国/", "http://10.0.0.5/é"]
)
def test_a_consoles_address_has_only_what_http_can_say(tmp_path: Path, address: str) -> None:
    text = PLAYS.replace("zones:\n  - id", f'console: {{address: "{address}"}}\nzones:\n  - id', 1)
    [found] = refused(write_site(tmp_path, text))
    assert found.field == "console.address"
