"""The full-size Shichahai's rules, plans and people, as text of its site file."""

from __future__ import annotations

from collections.abc import Sequence

from config.shichahai_ground import Entrance, Strip

HEAD = """\
# Shichahai at full size: 382 cameras, 120 terminals, 13 entrances, as an example to start from.
# Written by `python -m config.shichahai`. Places are read off public maps to some ten metres, and
# every address is this machine's: run `yinding simulate` beside it, or put your own devices in.
site:
  id: shichahai
  name: {zh: 什刹海, en: Shichahai}
  timezone: Asia/Shanghai
  origin: {lat: 39.9395, lon: 116.3889}   # the crown of Yinding Bridge

broker:                 # Mosquitto on this machine
  host: 127.0.0.1
  port: 1883
  username: yinding-service
  password: file:secrets/broker.txt

store:
  folder: data          # beside this file

keys:
  signing_key_file: secrets/orders.key    # made by `yinding keys SITE.yaml`
  key_id: orders-1

console:
  host: 127.0.0.1
  port: 8460

# Outlines in metres east and north of the origin.
"""

RULES = """\
rules:
  - id: local-crowding
    hazard: crowding
    signal: peak_density          # people per m² in the fullest 3 m × 3 m
    raise_at: {blue: 2.0, yellow: 3.0, orange: 4.0, red: 5.0}
    clear_below: 0.5
    hold_s: 20
    clear_hold_s: 60
    text: {zh: 人员密集, en: Crowding}
  - id: capacity
    hazard: capacity
    signal: occupancy             # share of the instantaneous capacity; measures begin at 80 %
    raise_at: {blue: 0.8, yellow: 0.9, orange: 1.0, red: 1.2}
    clear_below: 0.05
    hold_s: 60
    clear_hold_s: 300
    text: {zh: 接近瞬时承载量, en: Near the capacity of the moment}
  - id: noise
    hazard: noise
    signal: sensor
    quantity: noise               # dB(A)
    zones: [yinding-bridge, yandai-xiejie, lotus-market, qianhai-north, houhai-south-east, houhai-south-west, houhai-north-east, houhai-north-west]
    raise_at: {blue: 55, yellow: 70}
    clear_below: 3
    hold_s: 300
    clear_hold_s: 600
    text: {zh: 噪声超标, en: Noise above the limit}
  - id: water
    hazard: water
    signal: sensor
    quantity: water_level         # m above the usual level
    raise_at: {yellow: 0.3, orange: 0.5, red: 0.8}
    clear_below: 0.05
    hold_s: 60
    clear_hold_s: 600
    text: {zh: 水位偏高, en: High water}
  - id: wind
    hazard: wind
    signal: sensor
    quantity: wind                # m/s
    raise_at: {blue: 10.8, yellow: 17.2, orange: 24.5, red: 32.7}
    clear_below: 2
    hold_s: 120
    clear_hold_s: 900
    text: {zh: 大风, en: Strong wind}
  - {id: fire, hazard: fire, signal: alarm, alarm: fire, level: red, hold_s: 0, text: {zh: 火警, en: Fire alarm}}
  - {id: quake, hazard: earthquake, signal: alarm, alarm: earthquake, level: red, hold_s: 0, text: {zh: 地震预警, en: Earthquake alert}}
  - {id: help, hazard: help, signal: alarm, alarm: help, level: orange, hold_s: 0, text: {zh: 求助, en: Call for help}}
"""

PEOPLE = """\
people:
  - {id: zhao, name: {zh: 赵主任, en: Director Zhao}, roles: [commander]}
  - {id: qian, name: {zh: 钱副主任, en: Deputy Director Qian}, roles: [commander]}
  - {id: sun, name: {zh: 孙值班员, en: Operator Sun}, roles: [operator]}
  - {id: li, name: {zh: 李值班员, en: Operator Li}, roles: [operator]}
  - {id: zhou, name: {zh: 周值班员, en: Operator Zhou}, roles: [operator]}
  - {id: wu, name: {zh: 吴值班员, en: Operator Wu}, roles: [operator]}
  - {id: zheng, name: {zh: 郑巡查员, en: Officer Zheng}, roles: [responder], unit: 景区管理处}
  - {id: wang, name: {zh: 王巡查员, en: Officer Wang}, roles: [responder], unit: 城管执法队}
  - {id: feng, name: {zh: 冯工程师, en: Engineer Feng}, roles: [integrator, admin]}
  - {id: street-office, name: {zh: 街道办事处, en: Sub-district Office}, roles: [viewer]}

roster:
  - {start: "08:00", end: "16:00", people: [sun, zhao]}
  - {start: "16:00", end: "00:00", people: [li, wu, qian]}
  - {start: "00:00", end: "08:00", people: [zhou]}

catalogue:   # 29 kinds of problems, each with the unit that owns it; minutes by grade
  - {id: stall, name: {zh: 无照经营, en: Unlicensed stall}, owner: {zh: 城管执法队, en: Urban Management}}
  - {id: rickshaw, name: {zh: 黑三轮揽客, en: Unlicensed rickshaw}, owner: {zh: 交通支队, en: Traffic Police}}
  - {id: touts, name: {zh: 尾随兜售, en: Touts following visitors}, owner: 城管执法队}
  - {id: leaflets, name: {zh: 散发小广告, en: Leaflets handed out}, owner: 城管执法队}
  - {id: posters, name: {zh: 张贴涂写, en: Posters and graffiti}, owner: {zh: 街道城市管理科, en: Sub-district Urban Management}}
  - {id: terrace, name: {zh: 占道经营, en: Tables on the path}, owner: 城管执法队}
  - {id: parking, name: {zh: 违章停车, en: Illegal parking}, owner: 交通支队}
  - {id: bikes, name: {zh: 共享单车淤积, en: Heaped shared bikes}, owner: 街道城市管理科}
  - {id: blocked-exit, name: {zh: 消防通道堵塞, en: Blocked fire lane}, owner: {zh: 消防救援站, en: Fire Station}, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: fire-risk, name: {zh: 火险隐患, en: Fire hazard}, owner: 消防救援站, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: gas, name: {zh: 燃气异味, en: Smell of gas}, owner: {zh: 燃气公司, en: Gas Company}, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: noise, name: {zh: 噪声扰民, en: Noise at night}, owner: {zh: 生态环境局, en: Environment Bureau}}
  - {id: smoke, name: {zh: 油烟扰民, en: Cooking fumes}, owner: 生态环境局}
  - {id: paving, name: {zh: 路面破损, en: Broken paving}, owner: {zh: 市政所, en: Municipal Works}}
  - {id: manhole, name: {zh: 井盖缺失, en: Missing manhole cover}, owner: 市政所, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: flood, name: {zh: 积水, en: Standing water}, owner: 市政所}
  - {id: lamp, name: {zh: 路灯不亮, en: Dark street lamp}, owner: {zh: 路灯所, en: Street Lighting}}
  - {id: railing, name: {zh: 护栏损坏, en: Broken railing}, owner: 市政所}
  - {id: cable, name: {zh: 线缆垂落, en: Hanging cable}, owner: {zh: 电力公司, en: Power Company}}
  - {id: litter, name: {zh: 垃圾满溢, en: Overflowing bins}, owner: {zh: 环卫所, en: Sanitation}}
  - {id: toilet, name: {zh: 公厕故障, en: Public toilet out of order}, owner: 环卫所}
  - {id: tree, name: {zh: 树木倒伏, en: Fallen tree}, owner: {zh: 园林所, en: Parks}}
  - {id: sign, name: {zh: 导览标识损坏, en: Broken visitor sign}, owner: {zh: 景区管理处, en: Scenic Area Office}}
  - {id: wall, name: {zh: 房屋墙体险情, en: Unsafe wall or roof}, owner: {zh: 房管所, en: Housing Office}}
  - {id: ice, name: {zh: 违规上冰, en: People on unsafe ice}, owner: 景区管理处, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: swimming, name: {zh: 违规下水, en: People in the water}, owner: 景区管理处, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: lost-child, name: {zh: 儿童走失, en: Lost child}, owner: {zh: 派出所, en: Police Station}, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: fight, name: {zh: 打架纠纷, en: Fight}, owner: 派出所, within_min: {general: 120, major: 30, sudden: 10}}
  - {id: injury, name: {zh: 人员受伤, en: Injured person}, owner: {zh: 急救站, en: Ambulance Station}, within_min: {general: 120, major: 30, sudden: 10}}
"""

_AREAS = {
    "centre": ("银锭桥", "Yinding Bridge"),
    "east": ("鼓楼", "the Drum Tower"),
    "south": ("荷花市场", "Lotus Market"),
    "houhai": ("后海", "Houhai"),
    "xihai": ("西海", "Xihai"),
}


def plans(strips: Sequence[Strip], entrances: Sequence[Entrance]) -> str:
    """Crowding notices up to orange go by themselves; red ones and bollards wait for two."""
    parts = [_EVERYWHERE]
    for area, (zh, en) in _AREAS.items():
        zones = ", ".join(strip.id for strip in strips if strip.area == area)
        gates = ", ".join(gate.id for gate in entrances if gate.area == area)
        parts.append(_RED % {"area": area, "zones": zones, "gates": gates, "zh": zh, "en": en})
    return "".join(parts)


_EVERYWHERE = """\
plans:
  - id: crowding-yellow
    hazard: crowding
    level: yellow
    approval: none
    text: {zh: 景区提示：此处人员较多，请注意脚下，不要停留。, en: "Site alert: this area is busy. Please keep moving and mind your step."}
    speech: 此处人员较多，请注意脚下，不要停留。
    cancel: {zh: 人流已恢复正常。, en: The area is clear again.}
  - id: crowding-orange
    hazard: crowding
    level: orange
    approval: none
    text: {zh: 景区提示：前方拥挤，请绕行，不要再进入。, en: "Site alert: it is crowded ahead. Please take another way and do not enter."}
    speech: 前方拥挤，请绕行，不要再进入。
    volume: 80
    cancel: {zh: 人流已恢复正常。, en: The area is clear again.}
  - id: capacity-orange
    hazard: capacity
    level: orange
    approval: one
    text: {zh: 景区提示：此处游客已满，请前往其他景点。, en: "Site alert: this area is full. Please visit another part of the site."}
    cancel: {zh: 此处恢复接待。, en: This area is open again.}
  - id: water-orange
    hazard: water
    level: orange
    approval: one
    text: {zh: 景区提示：水位偏高，请远离岸边。, en: "Site alert: high water. Please keep away from the shore."}
    speech: 水位偏高，请远离岸边。
    cancel: {zh: 水位已回落。, en: The water has gone down.}
  - id: wind-orange
    hazard: wind
    level: orange
    approval: one
    text: {zh: 景区提示：大风，请远离树木、广告牌和水面。, en: "Site alert: strong wind. Keep away from trees, signs and the water."}
    speech: 大风，请远离树木、广告牌和水面。
    cancel: {zh: 大风已减弱。, en: The wind has dropped.}
  - id: fire-red
    hazard: fire
    level: red
    approval: two
    text: {zh: 景区提示：附近发生火警，请听从工作人员指挥，有序撤离。, en: "Site alert: fire nearby. Follow the stewards and leave calmly."}
    speech: 附近发生火警，请听从工作人员指挥，有序撤离。
    volume: 90
    cancel: {zh: 火警已解除。, en: The fire alarm is over.}
  - id: earthquake-red
    hazard: earthquake
    level: red
    approval: two
    text: {zh: 景区提示：地震预警，请到空旷处，远离建筑和水边。, en: "Site alert: earthquake. Go to open ground, away from buildings and water."}
    speech: 地震预警，请到空旷处，远离建筑和水边。
    volume: 100
    cancel: {zh: 地震预警已解除。, en: The earthquake alert is over.}
"""

_RED = """\
  - id: crowding-red-%(area)s
    hazard: crowding
    level: red
    zones: [%(zones)s]
    approval: two
    text: {zh: 景区提示：%(zh)s一带严重拥挤！请停止前进，听从工作人员指挥，向两侧疏散。, en: "Site alert: dangerous crowding near %(en)s! Stop, follow the stewards and move to the sides."}
    speech: %(zh)s一带严重拥挤，请停止前进，听从工作人员指挥。
    volume: 90
    cancel: {zh: 险情解除，请有序通行。, en: The danger is over. Please walk on calmly.}
    raise_entrances: [%(gates)s]
"""
