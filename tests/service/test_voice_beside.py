"""The service waits for its recordings beside the loop, which goes on, and leaves a slow one behind."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from service.site import LoadedSite
from service.voice import LOAD_WITHIN_S, voice_of
from store.embedded import Store
from store.lease import LEASE_S
from tests.devices.test_outbox_recordings import SITE

AT_MOST_S = 0.5
"""The longest that the loop may stand still, on a busy machine."""


def test_a_synthesiser_that_hangs_holds_up_neither_the_loop_nor_the_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    loaded = LoadedSite(site=SITE, path=tmp_path / "site.yaml")

    async def stood_still_s(over: asyncio.Event) -> float:
        longest_s, last_s = 0.0, time.monotonic()
        while not over.is_set():
            await asyncio.sleep(0.01)
            now_s = time.monotonic()
            longest_s, last_s = max(longest_s, now_s - last_s), now_s
        return longest_s

    async def scene(store: Store) -> None:
        over = asyncio.Event()
        watching = asyncio.create_task(stood_still_s(over))
        began_s = time.monotonic()
        async with voice_of(loaded, store, ("127.0.0.1", 8460)) as voice:
            assert voice is not None
        assert time.monotonic() - began_s < LEASE_S - LOAD_WITHIN_S
        over.set()
        assert await watching < AT_MOST_S

    with Store.open(loaded.data_folder, full_sync=False) as store:
        asyncio.run(scene(store))
