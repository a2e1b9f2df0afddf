"""What the trials of single rules are played on: two screens, and an entrance of two lanes."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.schema import SiteFile
from wire.signing import OrderSigner

START = datetime(2025, 2, 12, 19, 0, tzinfo=UTC)
KEY_ID = "key-1"
SCREEN, LANE, SILENT_LANE, ENTRANCE = "screen-1", "lane-1", "lane-2", "east"

_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = OrderSigner(_PRIVATE, KEY_ID)
KEYS = {KEY_ID: _PRIVATE.public_key()}


def trial_site() -> SiteFile:
    """The smallest site that has both kinds of devices that obey."""
    words = {"zh": "甲", "en": "A"}
    zone = {
        "id": "bridge",
        "name": words,
        "outline": [(0, 0), (10, 0), (10, 10)],
        "usable_area_m2": 50,
        "m2_per_visitor": 1,
    }
    return SiteFile.model_validate(
        {
            "site": {"id": "small", "name": words, "origin": {"lat": 39.9, "lon": 116.4}},
            "broker": {"embedded": True},
            "keys": {"signing_key_file": "signing.key", "key_id": KEY_ID},
            "zones": [zone],
            "terminals": [{"id": SCREEN, "name": words, "zones": ["bridge"]}],
            "bollards": [
                {"id": LANE, "name": words, "entrance": ENTRANCE, "lane": 1},
                {"id": SILENT_LANE, "name": words, "entrance": ENTRANCE, "lane": 2},
            ],
        }
    )
