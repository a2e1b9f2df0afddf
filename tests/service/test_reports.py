"""A made-up past and the reports of it: figures that agree with the records, pages in both languages, real PDFs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import typer
from typer.testing import CliRunner

import config
from config.visits import Reports
from console.reports.blocks import Chart, Paragraph
from console.reports.charts import Axis, bars, lines
from console.reports.figures import Period, Report
from console.reports.pages import page_of
from console.reports.paper import _laid_out, pdf_of
from console.reports.screen import html_of
from crowd.forecast.surroundings import Surroundings
from model.clock import ManualClock
from service.commands import report as report_command
from service.commands import simulate as simulate_command
from service.exits import CommandError, WrongUseError
from service.foretelling import ANNOUNCED
from service.past import fill
from service.report_files import reporter_of, write_report
from service.report_schedule import ReportSchedule, due
from service.reporting import Reporter, span_of
from service.site import LoadedSite, open_site
from simulators.past.days import past_days
from store.embedded import Store

NOW = datetime(2026, 10, 5, 4, 0, tzinfo=UTC)  # noon of a Monday in Beijing
DAYS = 4
SATURDAY = dt.date(2026, 10, 3)


pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> LoadedSite:
    folder = tmp_path_factory.mktemp("past")
    shipped = Path(config.__file__).parent / "sites" / "shichahai-small.yaml"
    (folder / "site.yaml").write_bytes(shipped.read_bytes())
    loaded = _with_few_devices(open_site(folder / "site.yaml", secrets_needed=False))
    told = fill(loaded, days=DAYS, seed=3, clock=ManualClock(NOW))
    assert told.readings > 15_000
    assert told.cases > 0
    return loaded


def _with_few_devices(loaded: LoadedSite) -> LoadedSite:
    """One camera a zone, and no sensors: a past that is written quickly."""
    first = {camera.zones[0]: camera for camera in reversed(loaded.site.cameras)}
    site = loaded.site.model_copy(update={"cameras": list(first.values()), "sensors": []})
    return dataclasses.replace(loaded, site=site)


@pytest.fixture(scope="module")
def reports(filled: LoadedSite) -> Iterator[dict[Period, Report]]:
    with Store.look(filled.data_folder) as store:
        reporter = Reporter(filled.site, store, Surroundings(calendar="CN"))
        yield {period: reporter.report(period, SATURDAY, NOW) for period in Period}


def test_the_same_seed_makes_the_same_past_and_another_seed_another(filled: LoadedSite) -> None:
    def first(seed: int) -> list[float]:
        day = next(past_days(filled.site, now=NOW, days=2, seed=seed))
        return list(day.readings[0].columns["occupancy"])

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_a_store_that_lives_is_not_filled_with_a_past(filled: LoadedSite) -> None:
    with pytest.raises(WrongUseError, match="fills an empty store"):
        fill(filled, days=1, seed=1, clock=ManualClock(NOW))


def test_the_past_leaves_nothing_open_and_nothing_of_the_future(filled: LoadedSite) -> None:
    with Store.look(filled.data_folder) as store:
        assert store.cases(open_only=True) == []
        later = store.series("zone", "bridge", "occupancy", NOW, NOW + timedelta(days=2))
        assert later == []


def test_a_days_visitors_are_the_gates_passages(
    filled: LoadedSite, reports: dict[Period, Report]
) -> None:
    tz = ZoneInfo(filled.site.site.timezone)
    start = datetime.combine(SATURDAY, dt.time(), tz)
    entered = 0.0
    with Store.look(filled.data_folder) as store:
        for counter in filled.site.counters:
            points = store.series(
                "counter",
                counter.id,
                "in_total",
                start - timedelta(hours=1),
                start + timedelta(days=1),
            )
            before = [point.high for point in points if point.at < start]
            if points and before:
                entered += points[-1].high - before[-1]
    found = reports[Period.DAILY].visitors
    assert found.total == pytest.approx(entered, rel=0.02)
    assert len(found.counted) == 24
    assert found.total_before is None, "nothing is known of a week ago"


def test_warnings_are_those_of_the_period_with_their_responses(
    filled: LoadedSite, reports: dict[Period, Report]
) -> None:
    month = reports[Period.MONTHLY]
    assert (month.first, month.last) == (dt.date(2026, 10, 1), dt.date(2026, 10, 31))
    with Store.look(filled.data_folder) as store:
        cases = [
            case
            for case in store.cases(limit=500)
            if case.subject_kind == "zone"
            and case.opened.astimezone(month.made_at.tzinfo).month == 10
        ]
    assert month.responses.warnings == len(cases) > 0
    assert month.responses.taken == len(cases)
    assert all((row.taken_s or 0) > 0 and row.owner for row in month.warnings)
    assert sum(month.responses.by_level.values()) == len(cases)


def test_receipts_and_blind_minutes_are_counted(reports: dict[Period, Report]) -> None:
    month = reports[Period.MONTHLY]
    assert 0 < month.receipts.heard <= month.receipts.sent
    week = reports[Period.WEEKLY]
    assert sum(each.blind_min for each in week.cameras) > 0
    silent_days = DAYS - 1  # the week begins three days before the past does
    assert all(
        each.silent_min == pytest.approx(silent_days * 24 * 60, abs=16) for each in week.cameras
    )


def test_a_period_that_is_not_over_says_so_and_stays_unknown_beyond(
    reports: dict[Period, Report],
) -> None:
    month = reports[Period.MONTHLY]
    assert month.visitors.counted[-1] is None
    assert "not over" in html_of(page_of(month, "en"))
    assert "not over" not in html_of(page_of(reports[Period.DAILY], "en"))


@pytest.mark.parametrize("period", list(Period))
def test_every_report_is_a_page_and_a_paper_in_both_languages(
    reports: dict[Period, Report], period: Period, tmp_path: Path
) -> None:
    written = write_report(reports[period], tmp_path)
    names = {path.name.partition(".")[2] for path in written}
    assert names == {"json", "zh.html", "zh.pdf", "en.html", "en.pdf"}
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
            assert len(content) > 10_000
    chinese = next(path for path in written if path.name.endswith("zh.html")).read_text("utf-8")
    for word in (
        "客流量",
        "告警与响应",
        "终端回执",
        "摄像机失明时间",
        "值班员告警负荷",
        "预测误差",
        "<svg",
    ):
        assert word in chinese
    assert msgspec.json.decode(written[0].read_bytes(), type=Report) == reports[period]


def test_names_from_the_site_file_are_text_and_never_markup(reports: dict[Period, Report]) -> None:
    daily = reports[Period.DAILY]
    nasty = msgspec.structs.replace(
        daily.site, en='"#panic()" <script> \\ $x$ \u0007 *b* @c', zh="“引号”#let"
    )
    page = page_of(msgspec.structs.replace(daily, site=nasty), "en")
    assert pdf_of(page).startswith(b"%PDF")
    assert "<script>" not in html_of(page)


def test_an_empty_store_gives_a_report_of_unknowns(tmp_path: Path, filled: LoadedSite) -> None:
    with Store.open(tmp_path, full_sync=False) as store:
        report = Reporter(filled.site, store, Surroundings()).report(Period.DAILY, SATURDAY, NOW)
    assert report.visitors.total is None
    assert report.fullest is None
    page = page_of(report, "en")
    assert "unknown" in html_of(page)
    assert pdf_of(page).startswith(b"%PDF")


def test_weeks_and_months_are_the_calendars() -> None:
    assert span_of(Period.WEEKLY, dt.date(2026, 10, 4)) == (
        dt.date(2026, 9, 28),
        dt.date(2026, 10, 4),
    )
    assert span_of(Period.MONTHLY, dt.date(2024, 2, 29))[1] == dt.date(2024, 2, 29)
    assert span_of(Period.MONTHLY, dt.date(2026, 12, 1))[1] == dt.date(2026, 12, 31)


def test_drawings_leave_gaps_where_nothing_is_known() -> None:
    drawn = lines([("a", [1.0, None, 2.0, 3.0])], Axis(labels=("", "", "", "")), unit="x")
    assert drawn.count("<polyline") == 2
    nothing = bars([None, None], [None], Axis(labels=("a", "b")), names=("a", "b"), unit="")
    assert nothing.count("<rect") == 3, "the key and its hatching only"


def test_figures_at_an_axis_are_written_out() -> None:
    tall = bars([40_000.0], [], Axis(labels=("a",)), names=("a", "b"), unit="")
    assert ">10,000<" in tall
    assert ">40,000<" in tall
    assert "e+" not in tall
    assert ">0.5<" in bars([2.0], [], Axis(labels=("a",)), names=("a", "b"), unit="")


def test_a_period_before_that_is_known_in_part_is_not_compared(
    reports: dict[Period, Report],
) -> None:
    week = reports[Period.WEEKLY].visitors
    assert week.total is not None
    assert week.total_before is None
    assert None in week.counted
    known = msgspec.structs.replace(week, total_before=1000.0)
    page = page_of(msgspec.structs.replace(reports[Period.WEEKLY], visitors=known), "en")
    assert "before: 1,000 (unknown)" in html_of(page)


def test_words_that_lead_to_a_chart_stay_on_its_page(reports: dict[Period, Report]) -> None:
    chart = next(
        block for block in page_of(reports[Period.DAILY], "en").blocks if isinstance(block, Chart)
    )
    leading = (Paragraph(text="some words"), chart)
    assert [text.startswith("#block(sticky: true)") for text in _laid_out(leading)] == [True, False]


def test_events_announced_at_the_console_are_reckoned_with(
    filled: LoadedSite, tmp_path: Path
) -> None:
    event = {
        "id": "lanterns",
        "name": {"zh": "灯会", "en": "Lanterns"},
        "first": "2026-10-03",
        "more_visitors": 0.5,
    }
    with Store.open(tmp_path, full_sync=False) as store:
        with store.transaction() as tx:
            tx.save_state(ANNOUNCED, json.dumps([event]).encode())
        around = reporter_of(filled.site, filled.folder, store).around
    assert around.more_visitors(SATURDAY) == 0.5


def _run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    report_command.register(app)
    simulate_command.register(app)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, CommandError):
        return result.exception.code, str(result.exception)
    return result.exit_code, result.stdout


def test_the_command_writes_and_says_where(filled: LoadedSite, tmp_path: Path) -> None:
    site = str(filled.path)
    code, said = _run("report", "daily", site, "--date", "2026-10-03", "--out", str(tmp_path))
    assert code == 0
    assert sorted(Path(line).name for line in said.split()) == sorted(
        path.name for path in tmp_path.iterdir()
    )
    code, said = _run(
        "report", "daily", site, "--date", "2026-10-03", "--out", str(tmp_path), "--json"
    )
    assert json.loads(said)["period"] == "daily"
    assert _run("report", "daily", site, "--date", "soon")[0] == 2
    assert _run("report", "hourly", site)[0] == 2


def test_a_site_without_a_store_is_said_so(tmp_path: Path, filled: LoadedSite) -> None:
    lonely = tmp_path / "site.yaml"
    lonely.write_bytes(filled.path.read_bytes())
    code, said = _run("report", "daily", str(lonely), "--date", "2026-10-03")
    assert code == 3
    assert "there is no store" in said


def test_what_is_due_is_written_once_and_made_up_for_after_a_missed_hour(
    filled: LoadedSite, tmp_path: Path
) -> None:
    site = filled.site.model_copy(update={"reports": Reports(folder="out", at=dt.time(0, 30))})
    with Store.look(filled.data_folder) as store:
        schedule = ReportSchedule(site, tmp_path, store, ManualClock(NOW))
        names = {path.name.partition(".")[0] for path in schedule.write_due()}
        assert names == {"daily-2026-10-04", "weekly-2026-09-28", "monthly-2026-09-01"}
        assert schedule.write_due() == []
        unasked = ReportSchedule(filled.site, tmp_path, store, ManualClock(NOW))
        assert unasked.write_due() == []


def test_before_its_hour_yesterdays_report_is_not_due() -> None:
    early = datetime(2026, 10, 5, 0, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert next(due(early, dt.time(0, 30))) == (Period.DAILY, dt.date(2026, 10, 3))
