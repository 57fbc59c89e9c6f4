"""Statements over many rows at once, the same text on PostgreSQL and SQLite.

Django writes one UPDATE a row, or a CASE a column; a thousand runs a second need one statement for
a hundred rows, fenced by their present values.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models
from psycopg.pq import ExecStatus

from core.money import UsdField

Row = Sequence[Any]
CHUNK = 500  # rows a statement: SQLite binds at most 32,766 values


def table(model: type[models.Model]) -> str:
    return quoted(model._meta.db_table)


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def for_update(*, of: str = "", skip_locked: bool = False) -> str:
    """Return the clause that locks the selected rows; SQLite's IMMEDIATE transactions need none."""
    if not is_postgresql():
        return ""
    return f" FOR UPDATE{f' OF {of}' if of else ''}{' SKIP LOCKED' if skip_locked else ''}"


def steady() -> None:
    """Prepare the present transaction of an engine; SQLite needs nothing, and can do nothing.

    PostgreSQL ends it when nothing is heard of this process for 3 s: one that freezes, or whose
    host is gone, would else keep its locks, and every other one waiting. And rows are found by
    their keys: after a burst the statistics are old, and whole tables would be read for a hundred
    rows. Set for the transaction, since a pooler may share the session.
    """
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', '3s', true),"
                " set_config('enable_seqscan', 'off', true),"
                " set_config('enable_hashjoin', 'off', true),"
                " set_config('enable_mergejoin', 'off', true)"
            )


def placeholders(count: int) -> str:
    return ", ".join(["%s"] * count)


def among(column: str, kind: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the condition that `column` is one of `values`, with its parameters.

    PostgreSQL takes them as one array of `kind` (“uuid”, “bigint”): a hundred placeholders cost
    psycopg more than the query does.
    """
    if is_postgresql():
        return f"{column} = ANY(%s::{kind}[])", [f"{{{','.join(map(str, values))}}}"]
    plain = [value.hex if isinstance(value, UUID) else value for value in values]
    return f"{column} IN ({placeholders(len(plain))})", plain


def bind(field: models.Field[Any, Any], value: Any) -> Any:
    """Return `value` as the database wants it for `field`."""
    return field.get_db_prep_save(value, connection)


@cache
def _field(model: type[models.Model], column: str) -> models.Field[Any, Any]:
    for field in model._meta.concrete_fields:
        if field.column == column:
            return field
    raise LookupError(f"{model.__name__} has no column {column}")


@cache
def _converters(
    model: type[models.Model], columns: tuple[str, ...], vendor: str
) -> list[tuple[Any, list[Callable[[Any, Any, Any], Any]]]]:
    expressions = [_field(model, column).get_col(model._meta.db_table) for column in columns]
    return [
        (col, connection.ops.get_db_converters(col) + col.get_db_converters(connection))
        for col in expressions
    ]


def literal(moment: datetime) -> str:
    """Return `moment` as a constant of SQL."""
    value = connection.ops.adapt_datetimefield_value(moment)
    return f"'{value}'"


def has_row(query: str) -> bool:
    """Say whether `query` returns a row; it holds its values itself (`literal`), never another's.

    For questions asked many times a second for ever. Outside a transaction PostgreSQL is asked
    straight through libpq: a cursor costs ten times what the answer does.
    """
    connection.ensure_connection()
    if is_postgresql() and not connection.in_atomic_block:
        result = connection.connection.pgconn.exec_(query.encode())
        if result.status == ExecStatus.TUPLES_OK:
            return bool(result.ntuples)
    with connection.cursor() as cursor:  # which also says what is wrong
        cursor.execute(query)
        return cursor.fetchone() is not None


def read_rows(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """Return `rows` of a raw cursor as the model's fields would hold them."""
    converters = _converters(model, tuple(columns), connection.vendor)
    read: list[Row] = []
    for row in rows:
        values = []
        for value, (expression, chain) in zip(row, converters, strict=True):
            for convert in chain:
                value = convert(value, expression, connection)  # noqa: PLW2901
            values.append(value)
        read.append(tuple(values))
    return read


def _source(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]
) -> tuple[str, list[Any]]:
    """Return a SELECT of `rows` with its parameters.

    PostgreSQL takes them as one JSON text, a few µs a row; binding each value by itself costs more
    than all else the engine does.
    """
    fields = [_field(model, column) for column in columns]
    if not is_postgresql():
        row = f"({placeholders(len(fields))})"
        values = [
            bind(field, value) for each in rows for field, value in zip(fields, each, strict=True)
        ]
        return f"VALUES {', '.join([row] * len(rows))}", values
    types = ", ".join(
        f"{quoted(column)} {field.cast_db_type(connection)}"
        for column, field in zip(columns, fields, strict=True)
    )
    forms = [_json_form(field) for field in fields]
    data = [
        {
            column: value if value is None or form is None else form(value)
            for column, form, value in zip(columns, forms, row, strict=True)
        }
        for row in rows
    ]
    return f"SELECT * FROM json_to_recordset(%s::json) AS s({types})", [json.dumps(data)]


def _json_form(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """Return what turns a value of `field` into JSON, or None where it is JSON already."""
    kind = getattr(field, "target_field", field).get_internal_type()
    if kind == "UUIDField":
        return str
    if kind == "DateTimeField":
        return datetime.isoformat
    return field.get_prep_value if isinstance(field, UsdField) else None


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


class _Later(threading.local):
    statements: list[tuple[str, Sequence[Any]]] | None = None


_later = _Later()


@contextmanager
def together() -> Iterator[None]:
    """Send the writes of this block that return nothing at its end, to PostgreSQL as one message.

    Where processes share few cores, a round trip costs more than what it carries. Nothing inside
    may read what was written inside.
    """
    if not is_postgresql() or _later.statements is not None:
        yield
        return
    statements: list[tuple[str, Sequence[Any]]] = []
    _later.statements = statements
    try:
        yield
    finally:
        _later.statements = None
    if statements:
        with connection.cursor() as cursor:
            cursor.execute(
                "; ".join(text for text, _ in statements),
                [value for _, values in statements for value in values],
            )


def write(text: str, values: Sequence[Any]) -> None:
    """Execute a statement that returns nothing, now or with those around it (`together`)."""
    if _later.statements is not None:
        _later.statements.append((text, values))
        return
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def insert_rows(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    on_conflict: str = "",
    returning: str = "",
) -> list[Any]:
    """Insert `rows`; return what `returning` asks for, in no particular order."""
    names = ", ".join(map(quoted, columns))
    returned: list[Any] = []
    for start in range(0, len(rows), CHUNK):
        source, values = _source(model, columns, rows[start : start + CHUNK])
        text = f"INSERT INTO {table(model)} ({names}) {source} {on_conflict}"
        if not returning:
            write(text, values)
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"{text} RETURNING {returning}", values)
            returned += cursor.fetchall()
    return returned


def update_rows(
    model: type[models.Model],
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    where: str = "TRUE",
    add: Sequence[str] = (),
    returning: str = "",
) -> list[Any]:
    """Set `columns` of the rows that match `key` and `where`; a row is (*key, *columns, *add).

    `add` columns are increased by their value. `where` may name the table's own columns as `t.x`
    and the given values as `v.x`. Returns what `returning` asks for.
    """
    names = [*key, *columns, *add]
    given = ", ".join(map(quoted, names))
    settings = ", ".join(
        [f"{name} = v.{name}" for name in columns]
        + [f"{name} = t.{name} + v.{name}" for name in add]
    )
    match = " AND ".join(f"t.{name} = v.{name}" for name in key)
    if not is_postgresql():  # SQLite's RETURNING knows neither the alias nor the other table
        returning = returning.replace("t.", "")
    returned: list[Any] = []
    for start in range(0, len(rows), CHUNK):
        source, values = _source(model, names, rows[start : start + CHUNK])
        text = (
            f"WITH v({given}) AS ({source}) UPDATE {table(model)} AS t SET {settings} "
            f"FROM v WHERE {match} AND {where}"
        )
        if not returning:
            write(text, values)
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"{text} RETURNING {returning}", values)
            returned += cursor.fetchall()
    return returned
