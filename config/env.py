"""Readers of environment variables: empty is absent, and what is wrong is refused by its name.

Each may be given as NAME_FILE=/path instead. A refusal does not repeat what may hold a password.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

_environment = FileAwareMapping(cache=False)
_YES = ("1", "true", "yes", "on", "ok", "y")
_NO = ("0", "false", "no", "off", "n")
_DATABASES = ("postgres://", "postgresql://", "sqlite://")


def text(name: str, default: str = "") -> str:
    try:
        value: str = _environment.get(name, "")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _refusal(f"{name}_FILE", f"names a file that cannot be read ({why})") from error
    return value.strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if value in _YES or value in _NO:
        return value in _YES
    if value:
        raise _refusal(name, f"must be 1 or 0, not “{value}”")
    return default


def whole(name: str, default: int, *, at_least: int, at_most: int) -> int:
    value = text(name)
    try:
        number = int(value or default)
    except ValueError:
        number = at_least - 1
    if not at_least <= number <= at_most:
        raise _refusal(name, f"must be a whole number from {at_least} to {at_most}, not “{value}”")
    return number


def seconds(name: str, default: float, *, at_most: float) -> float:
    value = text(name)
    try:
        number = float(value or default)
    except ValueError:
        number = math.nan
    if not 0 < number <= at_most:  # false for nan, too
        raise _refusal(
            name, f"must be a number of seconds above 0, at most {at_most:g}, not “{value}”"
        )
    return number


def listed(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return what stands between the commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def intervals(name: str) -> dict[str, int]:
    """Return seconds by the name of a job; whether there is such a job is checked by `jobs`."""
    found = {}
    for part in listed(name):
        job, equals, value = (piece.strip() for piece in part.partition("="))
        if not (job and equals and value.isascii() and value.isdigit() and len(value) <= 9):
            raise _refusal(
                name,
                f"must be NAME=SECONDS, with commas between, such as jobs.clean_up=86400;"
                f" “{part}” is not",
            )
        found[job] = int(value)
    return found


def folder(name: str, default: Path) -> Path:
    """Return a directory that can be written to, made if it is not there."""
    path = Path(text(name) or default).resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(name, f"names {path}, which cannot be made ({error.strerror})") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _refusal(name, f"names {path}, where this user may not write")
    return path


def database(name: str, default: Path) -> dict[str, Any]:
    """Return Django's settings for the database at the address, else for the SQLite file."""
    address = text(name)
    if not address:  # no address is made of the path: it may have ? # or % in it
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default)}
    problem = "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:////PATH"
    if not address.startswith(_DATABASES):
        raise _refusal(name, problem)
    try:
        found: dict[str, Any] = environ.Env.db_url_config(address)
    except (ValueError, KeyError, ImproperlyConfigured):
        raise _refusal(name, problem) from None  # their words may quote the password
    if not found.get("ENGINE") or not found.get("NAME"):
        raise _refusal(name, problem)
    return found


def redis(name: str) -> str:
    address = text(name)
    if address and not address.startswith(("redis://", "rediss://", "unix://")):
        raise _refusal(name, "must be redis://HOST:PORT/NUMBER, rediss://… or unix://…")
    return address


def _refusal(name: str, problem: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} {problem}. Mend it in the environment or in .env.")
