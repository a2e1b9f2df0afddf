"""A small good site as text, to be spoilt one line at a time."""

from __future__ import annotations

from pathlib import Path

GOOD = """\
site:
  id: lake
  name: {zh: 湖, en: Lake}
  timezone: Asia/Shanghai
  origin: {lat: 39.94, lon: 116.39}
broker:
  embedded: true
keys: {signing_key_file: orders.key, key_id: orders-1}
zones:
  - id: bridge
    name: {zh: 桥, en: Bridge}
    outline: [[0, 0], [20, 0], [20, 10], [0, 10]]
    usable_area_m2: 180
    m2_per_visitor: 1.5
  - id: shore
    name: {zh: 岸, en: Shore}
    outline: [[30, 0], [60, 0], [60, 10], [30, 10]]
    usable_area_m2: 250
    m2_per_visitor: 1.5
cameras:
  - {id: cam-1, name: {zh: 一, en: One}, url: "rtsp://127.0.0.1:8554/one", zones: [bridge]}
counters:
  - {id: gate-1, name: {zh: 门, en: Gate}, zone: bridge}
sensors:
  - {id: fire-1, name: {zh: 火, en: Fire}, zones: [bridge]}
terminals:
  - {id: term-1, name: {zh: 屏, en: Screen}, zones: [bridge]}
bollards:
  - {id: north-1, name: {zh: 北, en: North}, entrance: north, lane: 1}
rules:
  - {id: crowd, hazard: crowding, signal: zone_density, raise_at: {red: 5}, text: {zh: 挤, en: Crowd}}
  - {id: fire, hazard: fire, signal: alarm, alarm: fire, level: red, text: {zh: 火, en: Fire}}
plans:
  - id: crowd-red
    hazard: crowding
    level: red
    zones: [bridge]
    text: {zh: 请绕行, en: Take another way}
    cancel: {zh: 解除, en: All clear}
    raise_entrances: [north]
people:
  - {id: li, name: 李, roles: [operator]}
  - {id: wu, name: 吴, roles: [commander]}
roster:
  - {start: "08:00", end: "20:00", people: [li]}
"""


def write_site(folder: Path, text: str = GOOD) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path
