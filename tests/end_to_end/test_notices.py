"""People are told after a kill of what the service had decided and not yet told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.house import SITE, living, make_site
from tests.mosquitto import running_mosquitto
from tests.service.test_notifying import webhook
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(300)]

TELLS = SITE.replace(
    "zones:\n  - id: bridge",
    "notify: [{{id: duty, url: env:DUTY_ADDRESS}}]\nzones:\n  - id: bridge",
    1,
)

NEW, OVER = "新警报", "解除"


def told(titles: list[str]) -> list[str]:
    """What was told of the warning itself; that nobody took it on depends on how long a start took."""
    ends = [title.rpartition("（")[2].removesuffix("）") for title in titles]
    return [end for end in ends if end in (NEW, OVER)]


def test_a_red_warning_that_was_on_its_way_to_people_in_a_kill_gets_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_mosquitto(tmp_path) as broker, webhook(fails=1000) as (url, titles):
        monkeypatch.setenv("DUTY_ADDRESS", url)
        loaded = make_site(tmp_path, port=broker.port, text=TELLS)
        with living(loaded, broker.address()) as (service, field, _air):
            field.do(lambda: field.field.set_alarm("fire-1", raised=True))
            wait_until(lambda: titles.refused > 0)
            service.kill()
            assert titles == [], "nobody was told"
            titles.fails = 0
            service.start()
            wait_until(lambda: told(titles) == [NEW])
            assert "火警" in titles[0]
            field.do(lambda: field.field.set_alarm("fire-1", raised=False))
            wait_until(lambda: told(titles) == [NEW, OVER])
