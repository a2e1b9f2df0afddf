"""The published signature vectors say what the code does, to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.devices.order_vectors import PATH, make_vectors
from wire.keys import parse_public_key
from wire.signing import SignatureRefusal, verify_order

DOCUMENT: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
KEYS = {DOCUMENT["key_id"]: parse_public_key(DOCUMENT["public_key"])}


def test_the_published_vectors_are_the_codes_own() -> None:
    assert make_vectors() == DOCUMENT


@pytest.mark.parametrize("vector", DOCUMENT["vectors"], ids=lambda vector: str(vector["name"]))
def test_a_device_judges_each_vector_as_written(vector: dict[str, Any]) -> None:
    outcome = verify_order(vector["topic"], vector["payload"].encode(), KEYS)
    if vector["valid"]:
        assert not isinstance(outcome, SignatureRefusal)
    else:
        assert isinstance(outcome, SignatureRefusal)
        assert outcome.reason == vector["reason"]
