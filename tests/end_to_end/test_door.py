"""Who came to the console's door stands in the audit, next to who decided what."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest

from console.diary import UNKNOWN, Act
from service.meeting_point import find
from store.audit import AuditRecord, verify
from store.embedded import FILE_NAME
from tests.end_to_end.house import living, make_site
from tests.mosquitto import running_mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


def test_a_failed_sign_in_is_in_the_audit_of_the_next_commit(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as broker:
        loaded = make_site(tmp_path, port=broker.port)
        with living(loaded, broker.address()) as (service, _field, _air):
            point = find(loaded.data_folder)
            assert point is not None
            answer = httpx.post(
                f"{point.console}/api/v1/session",
                json={"person": "stranger", "password": "open-sesame-1"},
            )
            assert answer.status_code == 401
            assert service.stop() == 0
    with closing(sqlite3.connect(loaded.data_folder / FILE_NAME)) as db:
        assert verify(db).broken_at is None
        rows = db.execute("SELECT record FROM audit").fetchall()
    records = [msgspec.json.decode(body, type=AuditRecord) for (body,) in rows]
    failed = next(one for one in records if one.act == Act.SIGN_IN_FAILED)
    assert (failed.actor, failed.subject) == (UNKNOWN, "127.0.0.1")
