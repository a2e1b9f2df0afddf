"""A report worded and laid out in one language: what is read first stands first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from console.catalogue_words import catalogue
from console.reports import charts
from console.reports.blocks import (
    Block,
    Chart,
    Heading,
    Page,
    Paragraph,
    Table,
    Tile,
    Tiles,
)
from console.reports.charts import Axis
from console.reports.figures import Period, Report
from model.level import Level, rank_of
from model.text import Bilingual

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

_FILE: Final = Path(__file__).parents[1] / "catalogue" / "report.json"
_WARNINGS_LISTED: Final = 25
_CAMERAS_DRAWN: Final = 12
_ZONES_DRAWN: Final = 8
_TERMINALS_LISTED: Final = 10


@cache
def _words() -> Mapping[str, Bilingual]:
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, Bilingual])


def page_of(report: Report, language: Language) -> Page:
    """The whole report in one language."""
    return _Writer(report, language).page()


class _Writer:
    def __init__(self, report: Report, language: Language) -> None:
        self._report = report
        self._language: Language = language

    def page(self) -> Page:
        report = self._report
        days = self._say("until", first=str(report.first), last=str(report.last))
        subtitle = str(report.first) if report.period is Period.DAILY else days
        unfinished = report.made_at.date() <= report.last
        return Page(
            language="zh-CN" if self._language == "zh" else "en",
            title=f"{self._of(report.site)} {self._say('period.' + report.period)}",
            subtitle=subtitle,
            footer=self._say(
                "made", at=f"{report.made_at:%Y-%m-%d %H:%M}", site=self._of(report.site)
            ),
            blocks=(
                *((Paragraph(text=self._say("unfinished")),) if unfinished else ()),
                self._summary(),
                *self._visitors(),
                *self._zones(),
                *self._warnings(),
                *self._receipts(),
                *self._cameras(),
                *self._operators(),
                *self._forecast(),
            ),
        )

    def _of(self, text: Bilingual) -> str:
        return text.zh if self._language == "zh" else text.en

    def _say(self, key: str, **values: str) -> str:
        return self._of(_words()[key]).format(**values)

    def _word(self, key: str) -> str:
        """A word of the console's own catalogue; a site's own name stands as it is."""
        known = catalogue().get(key)
        return key.partition(".")[2] if known is None else self._of(known)

    def _number(self, value: float | None, form: str = ",.0f") -> str:
        return self._say("unknown") if value is None else format(value, form)

    def _percent(self, value: float | None) -> str:
        return self._say("unknown") if value is None else f"{value:.0f} %"

    def _time(self, seconds: float | None) -> str:
        if seconds is None:
            return self._say("unknown")
        if seconds < 100:
            return self._say("seconds", number=f"{seconds:.3g}")
        if seconds < 100 * 60:
            return self._say("minutes", number=f"{seconds / 60:.0f}")
        return self._say("hours", number=f"{seconds / 3600:.1f}")

    def _when(self, at: datetime | None) -> str:
        if at is None:
            return self._say("unknown")
        return f"{at:%H:%M}" if self._report.period is Period.DAILY else f"{at:%m-%d %H:%M}"

    def _summary(self) -> Tiles:
        report = self._report
        visitors, fullest = report.visitors, report.fullest
        blind = sum(each.blind_min + each.silent_min for each in report.cameras)
        return Tiles(
            tiles=(
                Tile(
                    name=self._say("visitors.total"),
                    figure=self._number(visitors.total),
                    beside=self._against(),
                ),
                Tile(
                    name=self._say("peak"),
                    figure=self._number(None if fullest is None else fullest.people),
                    beside=""
                    if fullest is None
                    else self._say(
                        "peak.beside",
                        at=self._when(fullest.at),
                        load=self._percent(fullest.load_pct),
                    ),
                ),
                Tile(
                    name=self._say("warnings.count"),
                    figure=str(report.responses.warnings),
                    beside=self._say("warnings.exercises", number=str(report.responses.exercises)),
                ),
                Tile(
                    name=self._say("warnings.response"),
                    figure=self._time(report.responses.median_s)
                    if report.responses.warnings
                    else "–",
                    beside=self._say("warnings.none")
                    if not report.responses.warnings
                    else self._say(
                        "warnings.response.beside",
                        worst=self._time(report.responses.worst_tenth_s),
                        taken=str(report.responses.taken),
                        all=str(report.responses.warnings),
                    ),
                ),
                Tile(
                    name=self._say("receipts.rate"),
                    figure=self._share(report.receipts.heard, report.receipts.sent),
                    beside=self._say(
                        "receipts.beside",
                        heard=str(report.receipts.heard),
                        sent=str(report.receipts.sent),
                    ),
                ),
                Tile(
                    name=self._say("cameras.total"),
                    figure=self._time(blind * 60),
                    beside=self._say(
                        "cameras.beside", share=f"{100 * blind / self._camera_min():.1f} %"
                    ),
                ),
            )
        )

    def _against(self) -> str:
        """The period before, where it is known whole, and how far this one is from it."""
        visitors = self._report.visitors
        if visitors.total_before is None:
            return self._say("visitors.against.unknown")
        now = None if None in visitors.counted else visitors.total
        return self._say(
            "visitors.against",
            before=self._number(visitors.total_before),
            change=self._change(now, visitors.total_before),
        )

    def _change(self, now: float | None, before: float | None) -> str:
        if now is None or not before:
            return self._say("unknown")
        return f"{100 * (now - before) / before:+.0f} %"

    def _share(self, part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f} %" if whole else "–"

    def _camera_min(self) -> float:
        days = (self._report.last - self._report.first).days + 1
        return max(1.0, len(self._report.cameras) * days * 24 * 60.0)

    def _axis(self, steps: int) -> Axis:
        """Under a day its hours, under longer its dates; as many as can be read."""
        if self._report.period is Period.DAILY:
            return Axis(labels=tuple(f"{h}" if h % 2 == 0 else "" for h in range(steps)))
        dates = [self._report.first + timedelta(days=n) for n in range(steps)]
        every = 1 if steps <= 10 else 3
        return Axis(
            labels=tuple(
                f"{d.month}-{d.day}" if n % every == 0 else "" for n, d in enumerate(dates)
            )
        )

    def _visitors(self) -> list[Block]:
        visitors = self._report.visitors
        kind = "hours" if self._report.period is Period.DAILY else "days"
        drawing = charts.bars(
            visitors.counted,
            visitors.before,
            self._axis(len(visitors.counted)),
            names=(self._say("visitors.now"), self._say("visitors.before")),
            unit=self._say("visitors.unit"),
        )
        blocks: list[Block] = [
            Heading(text=self._say("visitors")),
            Chart(svg=drawing, caption=self._say("visitors.chart." + kind)),
        ]
        if visitors.busiest_day is not None and visitors.busiest_day_visitors is not None:
            load = 100 * visitors.busiest_day_visitors / self._report.day_capacity
            said = self._say(
                "visitors.day_load",
                capacity=self._number(self._report.day_capacity),
                load=self._percent(load),
            )
            busiest = self._say(
                "visitors.busiest",
                day=str(visitors.busiest_day),
                visitors=self._number(visitors.busiest_day_visitors),
            )
            text = "" if self._report.period is Period.DAILY else busiest
            blocks.append(Paragraph(text=text + said))
        return blocks

    def _zones(self) -> list[Block]:
        zones = sorted(self._report.zones, key=lambda each: -(each.peak_max_p_m2 or 0.0))
        drawn = [(self._of(each.name), each.curve) for each in zones[:_ZONES_DRAWN]]
        steps = max((len(curve) for _, curve in drawn), default=1)
        rows = tuple(
            (
                self._of(each.name),
                self._number(each.people_max),
                self._percent(each.load_max_pct),
                self._number(each.peak_max_p_m2, ".1f"),
                self._when(each.peak_at),
                self._number(each.unseen_min),
            )
            for each in zones
        )
        head = tuple(
            self._say(key)
            for key in ("zone", "zone.people", "zone.load", "zone.peak", "zone.at", "zone.unseen")
        )
        return [
            Heading(text=self._say("zones")),
            Chart(
                svg=charts.lines(drawn, self._axis(steps), unit=self._say("zones.unit")),
                caption=self._say("zones.chart"),
            ),
            Table(head=head, rows=rows),
        ]

    def _warnings(self) -> list[Block]:
        blocks: list[Block] = [Heading(text=self._say("warnings"))]
        responses, listed = self._report.responses, self._report.warnings
        if not listed:
            return [*blocks, Paragraph(text=self._say("warnings.none"))]
        levels = self._say("and").join(
            f"{self._word('level.' + level)} {responses.by_level[level]}"
            for level in reversed(Level)
            if level in responses.by_level
        )
        hazards = self._say("and").join(
            f"{self._word('hazard.' + hazard)} {number}"
            for hazard, number in responses.by_hazard.items()
        )
        blocks.append(
            Paragraph(
                text=f"{self._say('warnings.levels', levels=levels)} "
                f"{self._say('warnings.hazards', hazards=hazards)}"
            )
        )
        highest = sorted(listed, key=lambda each: -rank_of(each.level))[:_WARNINGS_LISTED]
        if len(highest) < len(listed):
            said = self._say("warnings.more", shown=str(len(highest)), all=str(len(listed)))
            blocks.append(Paragraph(text=said))
        head = tuple(
            self._say("warning." + key)
            for key in ("opened", "zone", "hazard", "level", "taken", "owner", "lasted")
        )
        rows = tuple(
            (
                f"{each.opened:%m-%d %H:%M}",
                self._of(each.zone),
                self._word("hazard." + each.hazard),
                self._word("level." + each.level),
                self._time(each.taken_s),
                "–" if each.owner is None else self._of(each.owner),
                self._time(each.lasted_s),
            )
            for each in sorted(highest, key=lambda each: each.opened)
        )
        return [*blocks, Table(head=head, rows=rows, words=frozenset({0, 1, 2, 3, 5}))]

    def _receipts(self) -> list[Block]:
        receipts = self._report.receipts
        heading = Heading(text=self._say("receipts"))
        if not receipts.sent:
            return [heading, Paragraph(text=self._say("receipts.none"))]
        times = self._say(
            "receipts.times",
            median=self._time(receipts.median_s),
            worst=self._time(receipts.worst_tenth_s),
        )
        lost = [each for each in receipts.by_terminal if each[2] < each[1]][:_TERMINALS_LISTED]
        if not lost:
            return [heading, Paragraph(text=f"{times} {self._say('receipts.all')}")]
        head = tuple(self._say("receipts." + key) for key in ("terminal", "sent", "heard", "rate"))
        rows = tuple(
            (name, str(sent), str(heard), self._share(heard, sent)) for name, sent, heard in lost
        )
        return [heading, Paragraph(text=times), Table(head=head, rows=rows)]

    def _cameras(self) -> list[Block]:
        heading = Heading(text=self._say("cameras"))
        dark = [each for each in self._report.cameras if each.blind_min + each.silent_min >= 1]
        if not dark:
            return [heading, Paragraph(text=self._say("cameras.none"))]
        named = [
            (
                self._of(each.name),
                each.blind_min + each.silent_min,
                self._say(
                    "cameras.figure", blind=f"{each.blind_min:.0f}", silent=f"{each.silent_min:.0f}"
                ),
            )
            for each in dark[:_CAMERAS_DRAWN]
        ]
        return [heading, Chart(svg=charts.rows(named), caption=self._say("cameras.chart"))]

    def _operators(self) -> list[Block]:
        said = self._say("operators.mean", mean=f"{self._report.alarms_per_ten_min:.2g}")
        blocks: list[Block] = [Heading(text=self._say("operators")), Paragraph(text=said)]
        if not self._report.operators:
            return [*blocks, Paragraph(text=self._say("operators.none"))]
        head = tuple(self._say(key) for key in ("operator", "operator.taken", "operator.most"))
        rows = tuple(
            (self._of(each.person), str(each.taken), str(each.most_in_ten_min))
            for each in self._report.operators
        )
        return [*blocks, Table(head=head, rows=rows)]

    def _forecast(self) -> list[Block]:
        heading = Heading(text=self._say("forecast"))
        told = self._report.forecasts
        if not told:
            return [heading, Paragraph(text=self._say("forecast.none"))]
        error = self._report.forecast_wape
        coverage = self._report.forecast_coverage
        said = self._say(
            "forecast.said",
            error=self._percent(None if error is None else 100 * error),
            coverage=self._percent(None if coverage is None else 100 * coverage),
        )
        if self._report.period is Period.DAILY:
            day = told[0]
            head = tuple(
                self._say("forecast." + key) for key in ("day", "told", "span", "came", "error")
            )
            row = (
                str(day.day),
                self._number(day.forecast),
                f"{self._number(day.low)} – {self._number(day.high)}",
                self._number(day.came),
                self._change(day.forecast, day.came),
            )
            return [heading, Paragraph(text=said), Table(head=head, rows=(row,))]
        by_day = {each.day: each for each in told}
        steps = (self._report.last - self._report.first).days + 1
        days = [by_day.get(self._report.first + timedelta(days=n)) for n in range(steps)]
        drawing = charts.interval(
            [None if each is None else each.came for each in days],
            [None if each is None else each.low for each in days],
            [None if each is None else each.high for each in days],
            [None if each is None else each.forecast for each in days],
            self._axis(steps),
            names=(
                self._say("forecast.told"),
                self._say("forecast.span"),
                self._say("forecast.came"),
            ),
        )
        return [
            heading,
            Paragraph(text=said),
            Chart(svg=drawing, caption=self._say("forecast.chart")),
        ]
