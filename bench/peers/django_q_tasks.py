"""What django-q2 carries out; each notes what is measured in a table of the bench's own."""

from __future__ import annotations

import time

from django.db import connection

TABLE = "CREATE TABLE notes (name text, value double precision)"


def nothing() -> None: ...


def mark(name: str, value: float | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO notes VALUES (%s, %s)", [name, value or time.time()])


def wait() -> None:
    time.sleep(1)
    mark("waited")


def note_lag(due: float) -> None:
    mark("lag", time.time() - due)
