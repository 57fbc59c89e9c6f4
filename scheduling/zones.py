"""Which rules for clocks this machine goes by, and which zone somebody means."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

_OFFSET = re.compile(r"(?:UTC|GMT)?([+\-\N{MINUS SIGN}])(\d{1,2})(?::?(\d\d))?", re.I | re.ASCII)


def named(text: str) -> str:
    """Return the zone that is meant: by its name in any case, or by a city that is one zone's.

    Anything else comes back as it is, for `accounts.models.validate_zone` to refuse.
    """
    key = _key(text)
    found = _by_name().get(key) or _by_city().get(key, ())
    return found[0] if len(found) == 1 else text.strip()


def hint(text: str) -> str:
    """Return how to write the zone that `text` seems to mean; "" for a zone and for no idea."""
    if _key(text) in _by_name():
        return ""
    if found := _OFFSET.fullmatch(text.strip().replace(" ", "")):
        sign, hours, minutes = found.groups()
        fixed = f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}"
        if not int(minutes or 0) and _key(fixed) in _by_name():
            return (
                f"“{text.strip()}” is an offset from UTC, not a time zone; use a city such as "
                f"Europe/Berlin, or {fixed}, which never changes its clocks and is written with "
                "the sign turned round."
            )
        return (
            f"“{text.strip()}” is an offset from UTC, not a time zone; use a city such as "
            "Asia/Kolkata."
        )
    several = _by_city().get(_key(text), ())
    if len(several) > 1:
        return f"“{text.strip()}” may be {' or '.join(several)}; write one of them."
    return ""


def _key(text: str) -> str:
    return "_".join(text.split()).casefold()


@cache
def _by_name() -> dict[str, tuple[str, ...]]:
    return _grouped((name, name) for name in zoneinfo.available_timezones())


@cache
def _by_city() -> dict[str, tuple[str, ...]]:
    zones = (name for name in zoneinfo.available_timezones() if "/" in name)
    return _grouped((name.rpartition("/")[2], name) for name in zones)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for key, name in sorted(pairs):
        groups.setdefault(_key(key), []).append(name)
    return {key: tuple(names) for key, names in groups.items()}


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
