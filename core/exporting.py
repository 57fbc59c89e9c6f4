"""Lists for other programs: CSV and JSON, a page of rows at a time, however many there are.

Each page is a statement of its own, found by key: no transaction and no cursor stays open while
somebody's line takes the rows, and memory does not grow with them. The price: rows are as they were
when their page was read, and not all of one moment.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from core.pagination import paginate

M = TypeVar("M", bound=Model)
Row = Mapping[str, Any]
Pages = Iterable[Sequence[Row]]

PAGE = 1_000  # rows a statement, and in memory
LONGEST_NAME = 60  # characters of a file's name that somebody else chose
FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - spreadsheets take the wide ones for the others
BREAKS = ("\t", "\r", "\n")


def pages_of(rows: QuerySet[M], *, by: str = "-id", size: int = PAGE) -> Iterator[list[M]]:
    """Yield all of `rows` in pages, ordered as `pagination.paginate` does."""
    cursor = ""
    while True:
        page = paginate(rows, cursor=cursor, by=by, size=size)
        yield page.rows
        cursor = page.next_cursor
        if not cursor:
            return


def write_csv(columns: Sequence[str], pages: Pages) -> Iterator[str]:
    """Yield CSV (RFC 4180) with a head, a chunk a page; what is none or not there is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for rows in pages:
        writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    if text.tell():  # there was no page to give the head to
        yield text.getvalue()


def write_json(columns: Sequence[str], pages: Pages) -> Iterator[str]:
    """Yield one JSON array of objects, a row a line, a chunk a page."""
    before, end = "[\n", "[]\n"
    for rows in pages:
        lines = [_line({column: row.get(column) for column in columns}) for row in rows]
        if lines:
            yield before + ",\n".join(lines)
            before, end = ",\n", "\n]\n"
    yield end


WRITERS: dict[str, tuple[str, Callable[[Sequence[str], Pages], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", write_csv),
    "json": ("application/json", write_json),
}


def cell(value: Any) -> str:
    """Return `value` as a cell of CSV. Text that a spreadsheet would compute begins with “'”.

    As OWASP says (“CSV Injection”), and also behind blanks; numbers are no text.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, (dict, list)):
        value = _line(value)
    text = value if isinstance(value, str) else str(plain(value))
    is_formula = text.startswith(BREAKS) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if is_formula else text


def plain(value: Any) -> Any:
    """Return `value` as JSON can say it: moments in UTC, money and ids as strings."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"JSON has no form for {type(value).__name__}.")


def _line(value: Any) -> str:
    return json.dumps(value, default=plain, ensure_ascii=False)


def file_name(*words: str) -> str:
    """Return a file's name of `words`, which people chose: their letters, digits and dashes."""
    safe = (slugify(word, allow_unicode=True)[:LONGEST_NAME].strip("-_") for word in words)
    return "-".join(filter(None, safe))


def download(
    request: HttpRequest, kind: str, *, name: str, columns: Sequence[str], pages: Pages
) -> StreamingHttpResponse:
    """Answer with a file of `kind` (a key of `WRITERS`), `name` without its ending.

    The first page is read before the answer begins, so that what is wrong then is an error's page.
    Later on the transfer breaks off, which whoever loads it sees.
    """
    content_type, write = WRITERS[kind]
    # A lone surrogate, which no UTF-8 has, as JSON writes it.
    chunks = (chunk.encode("utf-8", "backslashreplace") for chunk in write(columns, pages))
    whole = chain([next(chunks)], chunks)
    disposition = content_disposition_header(as_attachment=True, filename=f"{name}.{kind}")
    return StreamingHttpResponse(
        _as_taken(whole) if isinstance(request, ASGIRequest) else whole,
        content_type=content_type,
        headers={
            "Content-Disposition": str(disposition),
            "Cache-Control": "private, no-store",
            "X-Accel-Buffering": "no",  # a proxy that gathers it all would wait, and then fill up
        },
    )


async def _as_taken(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield each chunk when the one before has been sent; between two, no connection is kept."""

    def following() -> bytes | None:
        try:
            return next(chunks, None)
        finally:
            connections.close_all()

    while (chunk := await sync_to_async(following)()) is not None:
        yield chunk
