"""What a person outside does on a phone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page


def write_report(page: Page, folder: Path, text: str, kind: str = "ice") -> None:
    """A sudden problem at Qianhai, with a photograph."""
    picture = folder / "ice.png"
    cv2.imwrite(str(picture), np.full((300, 400, 3), 180, np.uint8))
    page.get_by_test_id("tab-report").click()
    page.get_by_test_id("report-kind").select_option(kind)
    page.get_by_test_id("grade-sudden").check()
    page.get_by_test_id("report-zone").select_option("qianhai")
    page.get_by_test_id("report-text").fill(text)
    page.get_by_test_id("photo").set_input_files(str(picture))
    page.get_by_role("img").first.wait_for()
    page.get_by_test_id("report-send").click()
