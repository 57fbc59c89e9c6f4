"""Every text that stands in the database, and where."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import connection

from core import sql


def every_text() -> Iterator[tuple[str, str]]:
    for model in apps.get_models(include_auto_created=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {sql.table(model)}")  # noqa: S608  # our own tables
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{model._meta.db_table}.{name}", str(value)
