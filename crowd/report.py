"""An evaluation as one HTML page that needs nothing else: figures, bands, scatter, worst pictures.

Headings are in Chinese and English. Nothing is loaded from anywhere; pictures are inside the page,
at most eighteen of them, so that the file stays within about two megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from crowd.evaluation import Score, StillsReport
from crowd.report_pictures import Album, ShownPicture

BANDS: Final = ((0, 0), (1, 10), (11, 50), (51, 200), (201, 1000), (1001, 10**9))
POINTS_MOST: Final = 1500
_SIDE: Final = 420
_EDGE: Final = 44
_NAMES: Final = {
    "images": ("图片数", "pictures"),
    "frames": ("视频帧数", "frames of the video spanned"),
    "mae": ("平均绝对误差（人）", "mean absolute error, people"),
    "rmse": ("均方根误差（人）", "root mean square error, people"),
    "bias": ("偏差（人，正为多计）", "bias, people; above 0 counts too many"),
    "mape": ("相对误差", "mean relative error"),
    "r": ("相关系数", "correlation"),
    "coverage": ("区间覆盖率", "share of truths within [low, high]"),
    "width": ("区间平均宽度（人）", "mean of high − low, people"),
    "blind": ("无法看清的图片", "blind pictures, scored as 0"),
    "ms_per_image": ("每张毫秒", "ms per picture"),
    "model": ("模型", "model"),
}
_STYLE: Final = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:2rem auto;max-width:1060px;padding:0 1rem;
color:#1c2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}
table{border-collapse:collapse}td,th{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #e2e6ec}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.pictures{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(300px,1fr))}figure{margin:0}img{width:100%;height:auto;display:block}
figcaption{font-size:.85rem;color:#47525f}p.note{color:#47525f;font-size:.9rem;max-width:46rem}
svg text{font:11px system-ui,sans-serif;fill:#47525f}
"""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of one range of true counts; errors are in people."""

    least: int
    most: int
    pictures: int
    truth_mean: float
    mae: float
    bias: float
    coverage: float | None


def bands(scores: Sequence[Score]) -> list[Band]:
    """Errors by how many people there truly are; ranges without pictures are left out."""
    found = []
    for least, most in BANDS:
        inside = [score for score in scores if least <= score.truth <= most]
        if not inside:
            continue
        error = np.array([score.count - score.truth for score in inside])
        seen = [float(s.low <= s.truth <= s.high) for s in inside if not s.blind]
        found.append(
            Band(
                least=least,
                most=most,
                pictures=len(inside),
                truth_mean=float(np.mean([score.truth for score in inside])),
                mae=float(np.abs(error).mean()),
                bias=float(error.mean()),
                coverage=float(np.mean(seen)) if seen else None,
            )
        )
    return found


def page(*, source: str, found: StillsReport, scores: Sequence[Score], album: Album) -> str:
    """The whole page as text."""
    parts = [
        "<!doctype html><html lang='zh'><head><meta charset='utf-8'>",
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>人数评估 · Counting evaluation: {escape(source)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>人数评估 · Counting evaluation</h1><p>{escape(source)}</p>",
        _heading("总体指标", "Figures"),
        _figures(found),
        _heading("按人数分段的误差", "Error by number of people"),
        _band_table(bands(scores)),
        _heading("真值与估计", "Truth and count"),
        _scatter(scores),
        _heading("误差最大的图片", "Largest errors"),
        "<p class='note'>红色：估计的人群密度；绿圈：标注的人头。"
        " Red: estimated density. Green rings: marked heads.</p>",
        _pictures(album.worst),
    ]
    if album.blind:
        parts += [_heading("无法看清的图片", "Blind pictures"), _pictures(album.blind)]
    parts.append("</body></html>")
    return "\n".join(parts)


def write_report(
    out: Path, *, source: str, found: StillsReport, scores: Sequence[Score], album: Album
) -> None:
    """Writes the page; OSError where that cannot be done."""
    out.write_text(page(source=source, found=found, scores=scores, album=album), encoding="utf-8")


def _heading(chinese: str, english: str) -> str:
    return f"<h2>{chinese} · {english}</h2>"


def _number(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else escape(str(value))


def _figures(found: StillsReport) -> str:
    rows = []
    for name, value in msgspec.structs.asdict(found).items():
        chinese, english = _NAMES.get(name, (name, name))
        rows.append(
            f"<tr><td>{chinese} · {english}</td><td class='n' data-figure='{name}'>"
            f"{_number(value)}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _band_table(found: Sequence[Band]) -> str:
    head = (
        ("人数", "people"),
        ("图片", "pictures"),
        ("平均真值", "mean truth"),
        ("绝对误差", "mean absolute error"),
        ("偏差", "bias"),
        ("覆盖率", "coverage"),
    )
    cells = "".join(f"<th class='n'>{chinese}<br>{english}</th>" for chinese, english in head)
    rows = "".join(
        f"<tr><td class='n'>{_range(band)}</td><td class='n'>{band.pictures}</td>"
        + "".join(
            f"<td class='n'>{_number(value)}</td>"
            for value in (band.truth_mean, band.mae, band.bias, band.coverage)
        )
        + "</tr>"
        for band in found
    )
    return f"<table><tr>{cells}</tr>{rows}</table>"


def _range(band: Band) -> str:
    if band.least == band.most:
        return str(band.least)
    return f"{band.least}+" if band.most >= 10**9 else f"{band.least}–{band.most}"


def _scatter(scores: Sequence[Score]) -> str:
    """Truth across, count up, on square-root scales so that few and many both show."""
    step = max(1, -(-len(scores) // POINTS_MOST))
    shown = scores[::step]
    most = max([1.0, *(score.truth for score in scores), *(score.count for score in scores)])
    room = _SIDE - 2 * _EDGE

    def at(value: float) -> float:
        return _EDGE + room * float(np.sqrt(max(value, 0.0) / most))

    dots = "".join(
        f"<circle cx='{at(s.truth):.1f}' cy='{_SIDE - at(s.count):.1f}' r='3' "
        f"fill='{'#b3261e' if s.blind else '#1f6feb'}' fill-opacity='.55'>"
        f"<title>{escape(s.name)}: {s.truth:.0f} / {s.count:.1f}</title></circle>"
        for s in shown
    )
    ticks = "".join(
        f"<text x='{at(value):.1f}' y='{_SIDE - _EDGE + 16}' text-anchor='middle'>{value:.0f}</text>"
        f"<text x='{_EDGE - 6}' y='{_SIDE - at(value) + 4:.1f}' text-anchor='end'>{value:.0f}</text>"
        for value in (0.0, most / 16, most / 4, most)
    )
    corner = f"{_EDGE},{_SIDE - _EDGE}"
    return (
        f"<svg viewBox='0 0 {_SIDE} {_SIDE}' width='{_SIDE}' height='{_SIDE}' role='img' "
        "aria-label='真值与估计 truth and count'>"
        f"<polyline points='{_EDGE},{_EDGE} {corner} {_SIDE - _EDGE},{_SIDE - _EDGE}' fill='none' "
        "stroke='#8a94a3'/>"
        f"<polyline points='{corner} {_SIDE - _EDGE},{_EDGE}' stroke='#8a94a3' stroke-dasharray='4'/>"
        f"{ticks}{dots}"
        f"<text x='{_SIDE / 2}' y='{_SIDE - 6}' text-anchor='middle'>真值 truth</text>"
        f"<text x='14' y='{_SIDE / 2}' transform='rotate(-90 14 {_SIDE / 2})' "
        "text-anchor='middle'>估计 count</text></svg>"
    )


def _pictures(pictures: Sequence[ShownPicture]) -> str:
    return f"<div class='pictures'>{''.join(_figure(one) for one in pictures)}</div>"


def _figure(shown: ShownPicture) -> str:
    score = shown.score
    told = (
        "无法看清 blind"
        if score.blind
        else f"估计 count {score.count:.1f} ({score.low:.0f}–{score.high:.0f})"
    )
    return (
        f"<figure><img alt='' width='{shown.width_px}' height='{shown.height_px}' "
        f"src='data:image/jpeg;base64,{shown.jpeg}'><figcaption>{escape(score.name)}<br>"
        f"真值 truth {score.truth:.0f} · {told}</figcaption></figure>"
    )
