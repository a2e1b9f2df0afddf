"""The fast way of reading a message finds the same in it, and refuses the same, as the careful way."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wire.strict_json import DuplicateMemberError, NotFiniteError, parse_members

NUMBERS = (
    "0",
    "-0",
    "-0.0",
    "1e5",
    "1e400",
    "01",
    "1.",
    "NaN",
    "12345678901234567890123",
    "5e-324",
)
NAMES = st.sampled_from(["a", "b", "水", "c:", "{", "é"])
TEXTS = st.text(st.sampled_from('ab{}[],: 水\\"\n\u200b'), max_size=5).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
SCALARS = st.sampled_from((*NUMBERS, "true", "null", "2.5")) | TEXTS


def _objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.tuples(NAMES, inner).map(lambda pair: f"{json.dumps(pair[0])}:{pair[1]}")
    return st.lists(members, max_size=4).map(lambda each: "{" + ",".join(each) + "}")


DOCUMENTS = _objects(
    st.recursive(
        SCALARS,
        lambda inner: (
            _objects(inner)
            | st.lists(inner, max_size=3).map(lambda each: "[" + ",".join(each) + "]")
        ),
        max_leaves=6,
    )
)


def outcome(parse: Callable[[bytes], object], payload: bytes) -> tuple[str, str]:
    """What was read, to the last bit of every number, or why nothing was."""
    try:
        return "read", repr(parse(payload))
    except ValueError as error:
        return type(error).__name__, str(error)


@settings(max_examples=400, deadline=None)
@given(text=DOCUMENTS)
@example('{"a":1,"a":1}')
@example('{"a":{"b":"","b":""}}')
@example('{"a":"x","b":["x",{"a":[]},"x"]}')
def test_both_ways_agree_on_every_message(text: str) -> None:
    # A space that is no character of the fast way's sends the same document the careful way.
    careful = outcome(parse_members, text.encode() + b"\n")
    assert outcome(parse_members, text.encode()) == careful


@settings(max_examples=300, deadline=None)
@given(text=DOCUMENTS, data=st.data())
def test_both_ways_agree_on_what_was_damaged(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    damaged = text[:place] + data.draw(st.sampled_from('"{}[],:0 x')) + text[place:]
    fast, careful = (outcome(parse_members, damaged.encode() + end) for end in (b"", b"\n"))
    assert fast[0] == careful[0]
    assert fast[0] != "read" or fast == careful


@pytest.mark.parametrize(
    "payload",
    [b'{"a":1,"a":2}', b'{"a":"x","a":"x"}', b'{"b":[{"a":"","a":1}]}', b'{"a":{},"a":{}}'],
)
def test_a_member_that_stands_twice_is_found_however_plain_the_message(payload: bytes) -> None:
    with pytest.raises(DuplicateMemberError, match="a"):
        parse_members(payload)


@pytest.mark.parametrize("payload", [b'{"a":1e999}', b'{"a":[-1e999]}', b'{"a":1e999,"b":"\\n"}'])
def test_a_number_beyond_all_measure_is_an_infinity(payload: bytes) -> None:
    with pytest.raises(NotFiniteError, match="1e999"):
        parse_members(payload)
