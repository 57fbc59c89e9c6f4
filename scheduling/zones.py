"""Which rules for clocks this machine goes by."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib import import_module
from pathlib import Path


@cache
def tz_version() -> str:
    """Return the version of the tz database in use, such as 2026a; “unknown” where it has none.

    `zoneinfo` prefers the system's files to the package `tzdata`, and so does this.
    """
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "tzdata.zi").is_file():
            with (folder / "tzdata.zi").open(encoding="utf-8") as rules:
                return rules.readline().removeprefix("# version").strip()[:16]
        if (folder / "+VERSION").is_file():  # macOS and the BSDs
            return (folder / "+VERSION").read_text(encoding="utf-8").strip()[:16]
        if (folder / "UTC").is_file():
            return "unknown"
    return str(import_module("tzdata").IANA_VERSION)
