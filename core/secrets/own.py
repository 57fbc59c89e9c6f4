"""The secrets Helix itself lives by, told to the mask before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from django.conf import settings

from core.secrets.masking import remember


def remember_own() -> None:
    for value in own_secrets():
        remember(value, is_own=True)


def own_secrets() -> Iterator[str]:
    yield settings.SECRET_KEY
    yield settings.AUDIT_KEY
    yield from settings.SECRET_STORE_KEYS  # those of the file: when the store reads them
    for database in settings.DATABASES.values():
        yield str(database.get("PASSWORD") or "")
    password = urlsplit(settings.REDIS_URL).password or ""
    yield password
    yield unquote(password)
