"""Shichahai's ground, simplified: its shores, lanes and bridges as strips along a centre line.

Metres east and north of Yinding Bridge. Positions are read off public maps to some ten metres:
good for trying the product out at full size, not for guiding anybody.
"""

from __future__ import annotations

from typing import NamedTuple

Place = tuple[float, float]


class Strip(NamedTuple):
    """A shore, lane or bridge: a centre line with a width, and how many people it bears."""

    id: str
    zh: str
    en: str
    line: tuple[Place, ...]
    width_m: float
    m2_per_visitor: float
    cameras: int
    terminals: int
    area: str


class Entrance(NamedTuple):
    """Where people come in and bollards keep vehicles out."""

    id: str
    zh: str
    en: str
    at: Place
    lanes: int
    zone: str
    area: str


STRIPS = (
    Strip("yinding-bridge", "银锭桥", "Yinding Bridge", ((0, -9), (0, 9)), 8, 1.0, 8, 4, "centre"),
    Strip(
        "yinding-square", "银锭桥头", "Yinding Bridge Heads", ((-6, 16), (40, 22)), 14, 1.0, 12, 4, "centre"
    ),
    Strip("yandai-xiejie", "烟袋斜街", "Yandai Xiejie", ((60, 30), (190, 70), (300, 95)), 7, 1.5, 26, 7, "centre"),
    Strip("dian-outer", "地安门外大街", "Di'anmen Outer Street", ((310, -330), (315, 90)), 12, 1.5, 16, 5, "east"),
    Strip("drum-tower", "钟鼓楼广场", "Drum Tower Square", ((300, 150), (305, 330)), 44, 2.0, 22, 6, "east"),
    Strip("wanning-bridge", "万宁桥", "Wanning Bridge", ((305, -380), (307, -345)), 16, 1.0, 8, 3, "east"),
    Strip("qianhai-east", "前海东沿", "Qianhai East Shore", ((30, -30), (190, -200), (285, -360)), 9, 1.5, 22, 6, "east"),
    Strip("qianhai-north", "前海北沿", "Qianhai North Shore", ((-20, -25), (-60, -120), (-70, -210)), 9, 1.5, 20, 6, "south"),
    Strip("qianhai-south", "前海南沿", "Qianhai South Shore", ((-40, -430), (90, -490), (250, -420)), 9, 1.5, 18, 6, "south"),
    Strip("lotus-market", "荷花市场", "Lotus Market", ((-80, -250), (-85, -420), (-60, -560)), 14, 1.5, 30, 9, "south"),
    Strip("lotus-square", "荷花市场牌楼广场", "Lotus Archway Square", ((-75, -600), (-20, -605)), 40, 2.0, 14, 4, "south"),
    Strip("gongwangfu", "恭王府前", "Prince Gong's Mansion", ((-340, -270), (-240, -262)), 20, 1.5, 14, 4, "south"),
    Strip("liuyin-street", "柳荫街", "Liuyin Street", ((-360, -250), (-400, 60)), 9, 1.5, 14, 4, "south"),
    Strip("houhai-south-east", "后海南沿东段", "Houhai South Shore, East", ((-15, 12), (-150, 130), (-270, 220)), 9, 1.5, 24, 8, "houhai"),
    Strip("houhai-south-west", "后海南沿西段", "Houhai South Shore, West", ((-285, 235), (-430, 370), (-560, 470)), 9, 1.5, 18, 6, "houhai"),
    Strip("houhai-north-east", "后海北沿东段", "Houhai North Shore, East", ((-10, 45), (-110, 210), (-230, 330)), 10, 1.5, 24, 8, "houhai"),
    Strip("houhai-north-west", "后海北沿西段", "Houhai North Shore, West", ((-245, 345), (-390, 480), (-560, 600)), 10, 1.5, 18, 6, "houhai"),
    Strip("guanghua-temple", "广化寺前", "Guanghua Temple", ((-100, 260), (-60, 300)), 16, 1.5, 8, 3, "houhai"),
    Strip("soong-residence", "宋庆龄故居前", "Soong Ching-ling Residence", ((-480, 570), (-420, 545)), 14, 1.5, 8, 3, "houhai"),
    Strip("desheng-bridge", "德胜桥", "Desheng Bridge", ((-640, 560), (-690, 545)), 14, 1.0, 8, 3, "xihai"),
    Strip("xihai-east", "西海东沿", "Xihai East Shore", ((-720, 590), (-790, 720), (-860, 840)), 9, 2.0, 14, 5, "xihai"),
    Strip("xihai-wetland", "西海湿地公园", "Xihai Wetland Park", ((-900, 860), (-1060, 900)), 24, 2.0, 12, 4, "xihai"),
    Strip("xihai-west", "西海西沿", "Xihai West Shore", ((-1090, 870), (-960, 700), (-830, 560)), 9, 2.0, 12, 4, "xihai"),
    Strip("gulou-west", "鼓楼西大街", "Gulou West Street", ((270, 180), (60, 240), (-90, 360)), 8, 1.5, 12, 2, "east"),
)  # fmt: skip

ENTRANCES = (
    Entrance("lotus-south", "荷花市场南口", "Lotus Market, south", (-50, -630), 2, "lotus-square", "south"),
    Entrance("qianhai-west", "前海西街口", "Qianhai West Street", (-230, -300), 2, "gongwangfu", "south"),
    Entrance("sanzuo-bridge", "三座桥口", "Sanzuo Bridge", (-190, -360), 1, "lotus-market", "south"),
    Entrance("dingfu-street", "定阜街口", "Dingfu Street", (-380, -290), 1, "liuyin-street", "south"),
    Entrance("wanning", "万宁桥口", "Wanning Bridge", (320, -370), 2, "wanning-bridge", "east"),
    Entrance("yandai-east", "烟袋斜街东口", "Yandai Xiejie, east", (310, 98), 1, "yandai-xiejie", "centre"),
    Entrance("drum-tower-east", "鼓楼东口", "Drum Tower, east", (330, 240), 2, "drum-tower", "east"),
    Entrance("gulou-west", "鼓楼西大街口", "Gulou West Street", (-100, 370), 2, "gulou-west", "east"),
    Entrance("yinding-lane", "银锭桥胡同口", "Yinding Bridge Lane", (30, 60), 1, "yinding-square", "centre"),
    Entrance("liuyin-north", "柳荫街北口", "Liuyin Street, north", (-405, 80), 1, "liuyin-street", "houhai"),
    Entrance("yangfang-west", "羊房胡同西口", "Yangfang Lane, west", (-700, 380), 1, "houhai-south-west", "houhai"),
    Entrance("desheng", "德胜桥口", "Desheng Bridge", (-670, 570), 2, "desheng-bridge", "xihai"),
    Entrance("xihai-north", "西海北沿口", "Xihai, north", (-1000, 930), 2, "xihai-wetland", "xihai"),
)  # fmt: skip

NOISY = (
    "yinding-bridge", "yandai-xiejie", "lotus-market", "qianhai-north", "houhai-south-east",
    "houhai-south-west", "houhai-north-east", "houhai-north-west",
)  # fmt: skip
WATERS = (
    ("qianhai", "前海", "Qianhai", ("qianhai-east", "qianhai-north", "qianhai-south")),
    ("houhai", "后海", "Houhai", ("houhai-south-east", "houhai-south-west", "houhai-north-east", "houhai-north-west")),
    ("xihai", "西海", "Xihai", ("xihai-east", "xihai-wetland", "xihai-west")),
)  # fmt: skip
FIRE_DETECTORS = (
    "yandai-xiejie", "lotus-market", "drum-tower", "gongwangfu", "houhai-south-east",
    "houhai-north-east", "guanghua-temple", "soong-residence", "gulou-west", "liuyin-street",
)  # fmt: skip
HELP_POINTS = (
    "yinding-bridge", "yandai-xiejie", "lotus-square", "drum-tower", "desheng-bridge",
    "xihai-wetland", "wanning-bridge", "houhai-north-west",
)  # fmt: skip
