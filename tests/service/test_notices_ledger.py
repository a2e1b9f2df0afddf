"""The ledger of what people were told: only where somebody is told, and never what the service needs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from model.clock import ManualClock
from service.neighbours import ledger_of
from service.notifying import Notifier, tell_people
from service.site import LoadedSite
from store.feed import Feed
from store.notices import FILE_NAME
from tests.config.test_cap import case
from tests.devices.rig import small_site
from tests.service.test_notifying import DUTY, EVENING, ZONES, House, commit, webhook
from tests.waiting import eventually


def loaded_site(tmp_path: Path, *, notifies: bool) -> LoadedSite:
    site = small_site().model_copy(update={"notify": [DUTY] if notifies else []})
    return LoadedSite(site=site, path=tmp_path / "site.yaml")


def test_a_site_that_tells_nobody_keeps_no_ledger(tmp_path: Path) -> None:
    loaded = loaded_site(tmp_path, notifies=False)
    with ledger_of(loaded) as ledger:
        assert ledger is None
    assert not (loaded.data_folder / FILE_NAME).exists()


@pytest.mark.parametrize("spoiled", ["damaged", "a folder"])
def test_without_its_ledger_the_service_starts_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoiled: str
) -> None:
    loaded = loaded_site(tmp_path, notifies=True)
    path = loaded.data_folder / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    if spoiled == "damaged":
        path.write_bytes(b"no database" * 1000)
    else:
        path.mkdir()
    with ledger_of(loaded) as ledger:
        assert ledger is None
    assert FILE_NAME in caplog.text


def test_people_are_told_of_what_happens_where_nothing_can_be_noted(tmp_path: Path) -> None:
    house = House(tmp_path, EVENING[3].at)
    house.happened(case(), EVENING[1])

    async def scene(url: str, titles: list[str]) -> None:
        feed, started, clock = Feed(), asyncio.Event(), ManualClock(EVENING[3].at)
        notifier = Notifier(DUTY, url, zones=ZONES, notices=None, clock=clock)
        telling = tell_people(
            [notifier], feed, store=house.store, clock=clock, on_start=started.set
        )
        following = asyncio.create_task(telling)
        await started.wait()
        feed.publish(commit(case(), EVENING[3]))
        feed.publish(commit(case(), EVENING[4]))
        await eventually(lambda: len(titles) == 2, within_s=60)
        feed.close()
        await following

    with webhook() as (url, titles):
        asyncio.run(scene(url, titles))
    house.close()
    assert [title.split("（")[1] for title in titles] == ["升级）", "解除）"]
