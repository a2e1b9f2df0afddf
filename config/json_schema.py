"""The site file's JSON Schema, for editors that complete and check while one types."""

from __future__ import annotations

import json
from typing import Any

from config.schema import SiteFile


def site_file_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the site file."""
    schema = SiteFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Yinding site file",
    } | {key: value for key, value in schema.items() if key != "title"}


def site_file_schema_text() -> str:
    """The schema as it is published in `docs/site-file.schema.json`."""
    return json.dumps(site_file_schema(), ensure_ascii=False, indent=2) + "\n"
