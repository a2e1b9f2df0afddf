"""Which listeners a topic reaches: subscriptions by topic level, with MQTT's two wildcards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

Listener = TypeVar("Listener")

REMEMBERED_MOST = 16_384
REMEMBERED_LENGTH = 512
"""How many topics are remembered, and how long a topic may be for it."""


def is_valid_filter(topic_filter: str) -> bool:
    """Whether wildcards stand alone in their level and `#` only at the end."""
    levels = topic_filter.split("/")
    return bool(topic_filter) and all(
        (level == "#" and index == len(levels) - 1)
        or level == "+"
        or not ("#" in level or "+" in level)
        for index, level in enumerate(levels)
    )


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a valid filter covers a topic, or a narrower filter (for access rules)."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or given[index] == "#" or level not in {"+", given[index]}:
            return False
    return len(wanted) == len(given)


class _Node(Generic[Listener]):
    __slots__ = ("children", "listeners")

    def __init__(self) -> None:
        self.children: dict[str, _Node[Listener]] = {}
        self.listeners: dict[Listener, int] = {}


class TopicTree(Generic[Listener]):
    """Listeners with their quality of service by topic filter; a look-up costs levels, not filters.

    Devices say many things on few topics, so what was looked up is remembered.
    """

    def __init__(self) -> None:
        self._root: _Node[Listener] = _Node()
        self._known: dict[str, Mapping[Listener, int]] = {}

    def add(self, topic_filter: str, listener: Listener, qos: int) -> None:
        """Listen; the same listener on the same filter takes the new quality."""
        self._known = {}
        node = self._root
        for level in topic_filter.split("/"):
            node = node.children.setdefault(level, _Node())
        node.listeners[listener] = qos

    def remove(self, topic_filter: str, listener: Listener) -> None:
        """Listen no more; branches that nobody needs are cut."""
        self._known = {}
        path = [self._root]
        levels = topic_filter.split("/")
        for level in levels:
            child = path[-1].children.get(level)
            if child is None:
                return
            path.append(child)
        path[-1].listeners.pop(listener, None)
        for parent, level, node in zip(path[-2::-1], levels[::-1], path[::-1], strict=False):
            if node.listeners or node.children:
                break
            del parent.children[level]

    def listeners(self, topic: str) -> Mapping[Listener, int]:
        """Everyone who hears the topic, once, with the highest quality that they asked for."""
        known = self._known.get(topic)
        if known is None:
            known = self._look_up(topic)
            if len(self._known) >= REMEMBERED_MOST:
                self._known = {}
            if len(topic) <= REMEMBERED_LENGTH:
                self._known[topic] = known
        return known

    def _look_up(self, topic: str) -> dict[Listener, int]:
        found: dict[Listener, int] = {}
        levels = topic.split("/")
        stack = [(self._root, 0)]
        while stack:
            node, depth = stack.pop()
            hidden = depth == 0 and topic.startswith("$")
            if not hidden and (rest := node.children.get("#")) is not None:
                _merge(found, rest.listeners)
            if depth == len(levels):
                _merge(found, node.listeners)
                continue
            if (exact := node.children.get(levels[depth])) is not None:
                stack.append((exact, depth + 1))
            if not hidden and (one := node.children.get("+")) is not None:
                stack.append((one, depth + 1))
        return found


def _merge(found: dict[Listener, int], more: dict[Listener, int]) -> None:
    for listener, qos in more.items():
        found[listener] = max(qos, found.get(listener, 0))
