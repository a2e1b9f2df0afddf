"""The retained board: whatever is lost on the way, the broker ends up with what we last said."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wire.retained import RetainedBoard

TOPICS = st.sampled_from(["zone/a", "zone/b", "warning/1"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), TOPICS, st.sampled_from([b"calm", b"red", b"closed", b""])),
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("forget")),
    ),
    max_size=30,
)


class KeepingBroker:
    """What a broker keeps, and what is on its way there in order."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.on_the_way: list[tuple[str, bytes]] = []

    def takes(self, topic: str, payload: bytes) -> None:
        if payload:
            self.kept[topic] = payload
        else:
            self.kept.pop(topic, None)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_after_any_losses_the_broker_keeps_what_was_said_last(
    steps: list[tuple[object, ...]],
) -> None:
    board, broker = RetainedBoard(), KeepingBroker()
    wanted: dict[str, bytes] = {}
    for what, *details in steps:
        if what == "say":
            topic, payload = str(details[0]), details[1]
            assert isinstance(payload, bytes)
            assert board.set(topic, payload)
            wanted[topic] = payload
        elif what == "send":
            assert isinstance(details[0], int)
            for message in board.next_messages(details[0]):
                broker.takes(*message)
                broker.on_the_way.append(message)
        elif what == "lose":
            # The broker took some of them, but nobody knows which: all count as lost.
            for message in broker.on_the_way:
                board.put_back(*message)
            broker.on_the_way.clear()
            board.say_again()
        else:
            broker.kept.clear()
            board.say_again()
    while not board.is_settled:
        for message in board.next_messages(3):
            broker.takes(*message)
    assert broker.kept == {topic: payload for topic, payload in wanted.items() if payload}


def test_the_last_word_is_said_before_the_topic_is_cleared() -> None:
    board = RetainedBoard()
    board.set("warning/1", b"open")
    board.set("warning/1", b"closed")
    board.set("warning/1", b"")
    assert board.next_messages(10) == [("warning/1", b"closed"), ("warning/1", b"")]


def test_the_board_is_bounded_and_says_so() -> None:
    board = RetainedBoard(limit=2)
    assert board.set("zone/a", b"1")
    assert board.set("zone/b", b"1")
    assert not board.set("zone/c", b"1")
    assert board.set("zone/a", b"2")
    board.set("zone/a", b"")
    board.next_messages(10)
    assert board.set("zone/c", b"1")
