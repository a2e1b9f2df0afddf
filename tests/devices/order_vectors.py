"""Makes the signature test vectors of `docs/order-vectors.json` from a published test key.

`python -m tests.devices.order_vectors` writes the file; a test keeps it equal to the code.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model.facts import DeviceKind
from model.level import Level
from model.orders import BollardOrder, Motion, TerminalOrder
from model.text import Bilingual
from wire.keys import public_key_text
from wire.signing import OrderSigner, encode_base64url, signed_bytes
from wire.topics import Topics

PATH = Path(__file__).parents[2] / "docs" / "order-vectors.json"
SEED = bytes(range(1, 33))
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
SIGNER = OrderSigner(PRIVATE, "test-2025")
ISSUED = datetime(2025, 2, 12, 11, 0, tzinfo=UTC)
TOPICS = Topics("shichahai")
SCREEN = TOPICS.order(DeviceKind.TERMINAL, "bridge-1")
LANE = TOPICS.order(DeviceKind.BOLLARD, "north-1")


def terminal_order(action: str, counter: int) -> TerminalOrder:
    """A red order of the bridge, or its withdrawal."""
    return TerminalOrder(
        id=f"example-{counter}",
        counter=1739358000000 + counter,
        issued=ISSUED,
        expires=ISSUED + timedelta(minutes=10),
        action="show" if action == "show" else "cancel",
        warning="bridge-crowding-1",
        level=Level.RED,
        exercise=False,
        text=Bilingual(zh="景区提示：银锭桥人多，请绕行。", en='Site alert: avoid "the bridge".'),
        speech="银锭桥人多，请绕行。" if action == "show" else "",
        volume=70 if action == "show" else None,
        key="test-2025",
        signature="",
    )


def bollard_order(motion: Motion, counter: int) -> BollardOrder:
    """One lane's order."""
    return BollardOrder(
        id=f"example-{counter}",
        counter=1739358000000 + counter,
        issued=ISSUED,
        expires=ISSUED + timedelta(seconds=10),
        motion=motion,
        exercise=False,
        key="test-2025",
        signature="",
    )


def sign_members(topic: str, members: dict[str, Any]) -> dict[str, Any]:
    """Members with their signature, for messages that the service itself would not write."""
    unsigned = {name: value for name, value in members.items() if name != "signature"}
    signature = encode_base64url(PRIVATE.sign(signed_bytes(topic, unsigned)))
    return unsigned | {"signature": signature}


def _vector(name: str, topic: str, payload: str, refused: str | None = None) -> dict[str, Any]:
    vector: dict[str, Any] = {"name": name, "topic": topic, "payload": payload}
    if refused is not None:
        return vector | {"valid": False, "reason": refused}
    members = json.loads(payload)
    return vector | {"valid": True, "signed": signed_bytes(topic, members).decode()}


def make_vectors() -> dict[str, Any]:
    """The whole document."""
    show = SIGNER.sign(SCREEN, terminal_order("show", 1)).decode()
    members = json.loads(show)
    swapped = json.dumps(dict(reversed(members.items())), indent=2)
    extra = json.dumps(sign_members(SCREEN, members | {"colour": "#c00", "lines": [1, None]}))
    thief = OrderSigner(Ed25519PrivateKey.from_private_bytes(b"t" * 32), "test-2025")
    late = json.dumps(members | {"expires": "2035-02-12T11:10:00.000+00:00"})
    bare = json.dumps({k: v for k, v in members.items() if k != "signature"})
    stretched = show.replace('"signature":"', '"signature":"A')
    return {
        "about": "Signature test vectors for orders. The key is public: never use it on a site.",
        "key_id": "test-2025",
        "private_seed": encode_base64url(SEED),
        "public_key": public_key_text(PRIVATE.public_key()),
        "vectors": [
            _vector("a terminal shows and speaks", SCREEN, show),
            _vector("a cancel", SCREEN, SIGNER.sign(SCREEN, terminal_order("cancel", 2)).decode()),
            _vector(
                "a lane rises", LANE, SIGNER.sign(LANE, bollard_order(Motion.RAISE, 3)).decode()
            ),
            _vector(
                "a lane stops", LANE, SIGNER.sign(LANE, bollard_order(Motion.STOP, 4)).decode()
            ),
            _vector("other order of members, white space, escapes", SCREEN, swapped),
            _vector("members that the contract does not name are signed too", SCREEN, extra),
            _vector(
                "an unknown member added later",
                SCREEN,
                json.dumps(members | {"colour": "#c00"}),
                "bad_signature",
            ),
            _vector("another terminal's topic", SCREEN.replace("-1", "-2"), show, "bad_signature"),
            _vector("expiry moved", SCREEN, late, "bad_signature"),
            _vector(
                "signed by somebody else",
                SCREEN,
                thief.sign(SCREEN, terminal_order("show", 5)).decode(),
                "bad_signature",
            ),
            _vector("signature of 87 characters", SCREEN, stretched, "bad_signature"),
            _vector("no signature", SCREEN, bare, "unsigned"),
            _vector(
                "a key that the device does not hold",
                SCREEN,
                show.replace('"test-2025"', '"test-2019"'),
                "unknown_key",
            ),
            _vector(
                "a member twice", SCREEN, show.replace("{", '{"volume":0,', 1), "duplicate_member"
            ),
            _vector(
                "a number that is no integer", SCREEN, show.replace(":70,", ":70.0,"), "not_integer"
            ),
            _vector("not an object", SCREEN, f"[{show}]", "not_an_order"),
            _vector("cut short", SCREEN, show[:-1], "not_json"),
        ],
    }


def main() -> None:
    """Write the document."""
    text = json.dumps(make_vectors(), ensure_ascii=False, indent=2)
    PATH.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
