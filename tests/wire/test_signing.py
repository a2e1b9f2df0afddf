"""Signing: a device obeys only what our service signed for its own topic, byte tricks included."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from wire.keys import (
    KeyFileError,
    generate_key_file,
    load_key_file,
    parse_public_key,
    public_key_text,
    read_public_keys,
    write_public_keys,
)
from wire.signing import (
    OrderSigner,
    SignatureRefusal,
    decode_base64url,
    encode_base64url,
    signed_bytes,
    verify_order,
)

# The first secret key of RFC 8032, section 7.1: a public test key.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PRIVATE = Ed25519PrivateKey.from_private_bytes(SECRET)
SHANGHAI = timezone(timedelta(hours=8))
SIGNER = OrderSigner(PRIVATE, "k1", tz=SHANGHAI)
KEYS = {"k1": PRIVATE.public_key()}
ISSUED = datetime(2026, 2, 14, 11, 30, tzinfo=UTC)
TERMINAL = "yinding/v1/shichahai/terminal/t1/order"
LANE = "yinding/v1/shichahai/bollard/b1/order"
SHOW = TerminalOrder(
    id="o-1",
    counter=1771068600000,
    issued=ISSUED,
    expires=ISSUED + timedelta(minutes=10),
    action="show",
    warning="w-1",
    level=Level.RED,
    exercise=False,
    text=Bilingual(zh="银锭桥拥挤,请绕行", en="Yinding Bridge is crowded, please go around"),
    speech="银锭桥拥挤",
    volume=70,
    key="",
    signature="",
)
RAISE = BollardOrder(
    id="o-2",
    counter=1771068600001,
    issued=ISSUED,
    expires=ISSUED + timedelta(seconds=30),
    motion=Motion.RAISE,
    exercise=False,
    key="",
    signature="",
)


def reason_of(topic: str, payload: bytes) -> str:
    refusal = verify_order(topic, payload, KEYS)
    assert isinstance(refusal, SignatureRefusal), refusal
    return refusal.reason.value


def resigned(members: dict[str, object], topic: str = LANE) -> bytes:
    """What somebody who holds the key could send, whatever its members."""
    signature = encode_base64url(PRIVATE.sign(signed_bytes(topic, members)))
    return msgspec.json.encode(members | {"signature": signature})


def test_a_signed_order_is_verified_and_read_back() -> None:
    show = verify_order(TERMINAL, SIGNER.sign(TERMINAL, SHOW), KEYS)
    assert isinstance(show, TerminalOrder)
    assert msgspec.structs.replace(show, key="", signature="") == SHOW
    lane = verify_order(LANE, SIGNER.sign(LANE, RAISE), KEYS)
    assert isinstance(lane, BollardOrder)
    assert (lane.motion, lane.key, len(lane.signature)) == (Motion.RAISE, "k1", 86)


def test_the_same_order_is_signed_to_the_same_bytes() -> None:
    assert SIGNER.sign(LANE, RAISE) == SIGNER.sign(LANE, RAISE)


def test_the_published_vector_holds() -> None:
    message = SIGNER.sign(LANE, RAISE)
    assert signed_bytes(LANE, msgspec.json.decode(message)) == (
        LANE.encode() + b'\n{"counter":1771068600001,"exercise":false,'
        b'"expires":"2026-02-14T19:30:30.000+08:00","id":"o-2",'
        b'"issued":"2026-02-14T19:30:00.000+08:00","key":"k1","motion":"raise"}'
    )


def test_order_of_members_and_white_space_do_not_matter_but_every_value_does() -> None:
    members = msgspec.json.decode(SIGNER.sign(LANE, RAISE))
    shuffled = dict(reversed(members.items()))
    spaced = msgspec.json.format(msgspec.json.encode(shuffled), indent=4)
    assert isinstance(verify_order(LANE, spaced, KEYS), BollardOrder)
    for name in members.keys() - {"signature", "key"}:
        changed = msgspec.json.encode(members | {name: "x"})
        assert reason_of(LANE, changed) == "bad_signature"
        dropped = msgspec.json.encode({key: members[key] for key in members if key != name})
        assert reason_of(LANE, dropped) == "bad_signature"


def test_an_order_for_one_device_is_no_order_for_another() -> None:
    payload = SIGNER.sign(LANE, RAISE)
    assert reason_of(LANE.replace("b1", "b2"), payload) == "bad_signature"
    assert reason_of(LANE.replace("shichahai", "elsewhere"), payload) == "bad_signature"


def test_members_that_we_do_not_know_are_part_of_what_was_signed() -> None:
    members = msgspec.json.decode(SIGNER.sign(LANE, RAISE)) | {"lamp": "amber"}
    assert reason_of(LANE, msgspec.json.encode(members)) == "bad_signature"
    assert isinstance(verify_order(LANE, resigned(members), KEYS), BollardOrder)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"[]", "not_an_order"),
        (b"{}", "unsigned"),
        (b'{"signature":"","key":"k1"}', "unsigned"),
        (b'{"signature":5,"key":"k1"}', "unsigned"),
        (b'{"signature":"AA"}', "unsigned"),
        (b'{"signature":"AA","key":["k1"]}', "unsigned"),
        (b'{"signature":"AA","key":"k9"}', "unknown_key"),
        (b'{"signature":"AA","key":"k1"}', "bad_signature"),
        (b'{"signature":"' + b"A" * 86 + b'","key":"k1"}', "bad_signature"),
        (b'{"signature":"' + b"A" * 86 + b'==","key":"k1"}', "bad_signature"),
        (b'{"signature":"AA","key":"k1","counter":1.5}', "not_integer"),
        (b'{"signature":"AA","key":"k1","counter":1.0}', "not_integer"),
        (b'{"signature":"AA","key":"k1","text":{"n":[1e3]}}', "not_integer"),
        (b'{"signature":"AA","key":"k1","counter":9007199254740992}', "not_integer"),
        (b'{"signature":"AA","key":"k1","counter":NaN}', "not_integer"),
        (b'{"signature":"AA","signature":"AB","key":"k1"}', "duplicate_member"),
        (b'{"signature":"AA","key":"k1","text":{"zh":"","zh":""}}', "duplicate_member"),
        (b" " * 65_536, "not_json"),
        (b" " * 65_537, "too_large"),
    ],
)
def test_what_is_not_ours_is_refused_by_name(payload: bytes, reason: str) -> None:
    assert reason_of(LANE, payload) == reason


def test_a_refusal_says_what_was_wrong_and_repeats_no_more_of_it_than_fits_a_line() -> None:
    short = verify_order(LANE, b'{"signature":"AA","key":"k1"}', KEYS)
    assert isinstance(short, SignatureRefusal)
    assert short.detail == "not 86 characters"
    stranger = b'{"signature":"AA","key":"' + b"k" * 300 + b'"}'
    unknown = verify_order(LANE, stranger, KEYS)
    assert isinstance(unknown, SignatureRefusal)
    assert unknown.detail == "k" * 200


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_integer_is_signed_and_the_next_is_not(sign: int) -> None:
    largest = sign * (2**53 - 1)
    assert signed_bytes("t", {"n": largest}) == b't\n{"n":%d}' % largest
    with pytest.raises(ValueError, match="within 2\\^53"):
        signed_bytes("t", {"n": largest + sign})


@pytest.mark.parametrize("form", [b"%s", b'{"a":%s}', b'{"a":[%s]}'])
def test_names_beyond_ascii_stand_in_the_standards_order_however_deep(form: bytes) -> None:
    written = form % '{"\U00010000":1,"\ue000":2}'.encode()
    assert signed_bytes("t", msgspec.json.decode(written)) == b"t\n" + written


def test_a_signature_is_accepted_in_one_spelling_only() -> None:
    members = msgspec.json.decode(SIGNER.sign(LANE, RAISE))
    text = members["signature"]
    for spelling in (text + "==", text[:-1] + chr(ord(text[-1]) + 1), text + "\n", f" {text}"):
        payload = msgspec.json.encode(members | {"signature": spelling})
        assert reason_of(LANE, payload) == "bad_signature"


def test_a_good_signature_over_something_else_than_an_order_is_refused() -> None:
    assert reason_of(LANE, resigned({"key": "k1", "id": "o-2"})) == "not_an_order"
    members = msgspec.json.decode(SIGNER.sign(LANE, RAISE)) | {"motion": "jump"}
    refusal = verify_order(LANE, resigned(members), KEYS)
    assert isinstance(refusal, SignatureRefusal)
    assert refusal.reason.value == "not_an_order"
    assert "$.motion" in refusal.detail
    other = "yinding/v1/shichahai/sensor/s1/reading"
    assert reason_of(other, resigned({"key": "k1"}, other)) == "not_an_order"
    lane = msgspec.json.decode(SIGNER.sign(LANE, RAISE))
    assert reason_of(other, resigned(lane, other)) == "not_an_order"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=50))
def test_any_bytes_on_any_topic_are_refused_without_an_error(payload: bytes, topic: str) -> None:
    assert isinstance(verify_order(topic, payload, KEYS), SignatureRefusal)


@settings(max_examples=100, deadline=None)
@given(
    extra=st.dictionaries(
        st.text(max_size=6),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9),
            lambda inner: st.dictionaries(st.text(max_size=6), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_whatever_was_signed_verifies_and_one_changed_byte_does_not(
    extra: dict[str, object],
) -> None:
    members = extra | msgspec.json.decode(SIGNER.sign(LANE, RAISE))
    payload = resigned(members)
    assert isinstance(verify_order(LANE, payload, KEYS), BollardOrder)
    tampered = payload.replace(b"1771068600001", b"1771068600002")
    assert reason_of(LANE, tampered) == "bad_signature"


@given(st.binary(max_size=70))
def test_base64url_reads_back_and_has_no_padding(raw: bytes) -> None:
    text = encode_base64url(raw)
    assert "=" not in text
    assert decode_base64url(text) == raw


@pytest.mark.parametrize("text", ["A", "AA=", "AB", "!!!!", "汉字汉字", "AA A"])
def test_base64url_in_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not base64url"):
        decode_base64url(text)


def test_an_order_that_no_device_could_accept_is_not_signed() -> None:
    with pytest.raises(ValueError, match="integers"):
        SIGNER.sign(LANE, msgspec.structs.replace(RAISE, counter=2**53))
    with pytest.raises(ValueError, match="beyond the contract"):
        SIGNER.sign(TERMINAL, msgspec.structs.replace(SHOW, speech="啊" * 30_000))


def test_a_key_file_is_the_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "orders.pem"
    private = generate_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key_file(path).private_bytes_raw() == private.private_bytes_raw()
    with pytest.raises(FileExistsError):
        generate_key_file(path)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read it"):
        load_key_file(path)


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        load_key_file(tmp_path / "none.pem")
    path = tmp_path / "bad.pem"
    path.write_text("not a key")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a private key"):
        load_key_file(path)


def test_a_device_holds_public_keys_by_id(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_public_keys(path, KEYS | {"k2": Ed25519PrivateKey.generate().public_key()})
    held = read_public_keys(path)
    assert sorted(held) == ["k1", "k2"]
    assert isinstance(verify_order(LANE, SIGNER.sign(LANE, RAISE), held), BollardOrder)
    assert public_key_text(parse_public_key(public_key_text(held["k1"]))) == (
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    )
    path.write_text('{"k1":"AA"}')
    with pytest.raises(KeyFileError):
        read_public_keys(path)


NAMES = st.text(max_size=8) | st.sampled_from(["zh", "en", "\ue000", "\U00010000", "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(members=st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_is_signed_is_the_standards_form_whatever_stands_in_an_order(
    members: dict[str, object],
) -> None:
    members.pop("signature", None)
    assert signed_bytes("t", members) == b"t\n" + rfc8785.dumps(members)  # type: ignore[arg-type]
