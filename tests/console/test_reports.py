"""Written reports at the door: listed, fetched, and nothing else from that folder."""

from __future__ import annotations

import asyncio

from tests.console.http import client, sign_in, started
from tests.console.stage import Stage


def test_reports_are_listed_and_fetched_and_no_other_file_is(stage: Stage) -> None:
    stage.enrol("viewer")
    folder = stage.reports_folder
    folder.mkdir()
    for name in ("daily-2026-10-03.en.pdf", "daily-2026-10-04.json", "weekly-2026-09-28.zh.html"):
        (folder / name).write_bytes(b"content")
    (folder / "secret.txt").write_text("no", encoding="utf-8")

    async def story() -> None:
        async with started(stage), client(stage) as browser:
            await sign_in(browser, "viewer")
            listed = (await browser.get("/api/v1/reports")).json()["reports"]
            assert [(each["period"], each["first"]) for each in listed] == [
                ("daily", "2026-10-04"),
                ("daily", "2026-10-03"),
                ("weekly", "2026-09-28"),
            ]
            fetched = await browser.get("/api/v1/reports/daily-2026-10-03.en.pdf")
            assert (fetched.status_code, fetched.content) == (200, b"content")
            assert fetched.headers["content-type"] == "application/pdf"
            for name in ("secret.txt", "daily-2026-10-05.json", "..%2Fsecret.txt"):
                assert (await browser.get(f"/api/v1/reports/{name}")).status_code == 404

    asyncio.run(story())
