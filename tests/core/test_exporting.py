from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import exporting
from tests.builders import make_user

ID = UUID("01920000-0000-7000-8000-000000000000")
AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, ""),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\nx", "'\nx"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("＝1+1", "'＝1+1"),  # noqa: RUF001
        ("a=1", "a=1"),
        ("'=1", "'=1"),
        (-5, "-5"),
        (Decimal("-0.000000012"), "-0.000000012"),
        (True, "true"),
        (AT, "2026-11-22T02:30:00Z"),
        (ID, str(ID)),
        ({"a": "=1"}, '{"a": "=1"}'),
    ],
)
def test_a_cell_is_never_a_formula(value: Any, told: str) -> None:
    assert exporting.cell(value) == told


def test_csv_is_read_back_as_it_was() -> None:
    rows: list[dict[str, Any]] = [{"a": 'say "x"; y,z\r\nnext', "b": 1}, {"a": None}]

    text = "".join(exporting.write_csv(["a", "b"], [rows[:1], rows[1:]]))

    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["a", "b"],
        ['say "x"; y,z\r\nnext', "1"],
        ["", ""],
    ]


@pytest.mark.parametrize("pages", [[], [[]], [[1]], [[1, 2], [3]], [[1], [], [2]]])
def test_json_is_one_array(pages: list[list[int]]) -> None:
    told = [[{"n": n, "at": AT, "left": "out"} for n in page] for page in pages]

    text = "".join(exporting.write_json(["n", "at", "none"], told))

    assert json.loads(text) == [
        {"n": n, "at": "2026-11-22T02:30:00Z", "none": None} for page in pages for n in page
    ]


def test_csv_without_rows_has_its_head() -> None:
    assert "".join(exporting.write_csv(["a", "=b"], [])) == '"a","=b"\r\n'


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Nightly triage", "nightly-triage-runs"),
        ("../../etc/passwd", "etcpasswd-runs"),
        ('a"b\r\nSet-Cookie: x', "ab-set-cookie-x-runs"),
        ("\u202egpj.exe", "gpjexe-runs"),
        ("Früh", "früh-runs"),
        ("<script>", "script-runs"),
        ("…", "runs"),
        ("x" * 200, f"{'x' * 60}-runs"),
    ],
)
def test_a_name_is_safe_in_a_file_name(name: str, safe: str) -> None:
    assert exporting.file_name(name, "runs") == safe


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_download_names_its_file(kind: str) -> None:
    pages = [[{"n": 1}], [{"n": 2}]]

    response = exporting.download(
        RequestFactory().get("/"), kind, name="früh", columns=["n"], pages=pages
    )

    assert response["Content-Disposition"] == (f"attachment; filename*=utf-8''fr%C3%BCh.{kind}")
    assert response["Cache-Control"] == "private, no-store"
    assert b"2" in response.getvalue()


def test_half_a_character_does_not_break_a_download() -> None:
    rows = [[{"n": "a\ud800"}]]

    as_json = exporting.download(
        RequestFactory().get("/"), "json", name="x", columns=["n"], pages=rows
    )

    assert json.loads(as_json.getvalue()) == [{"n": "a\ud800"}]


def test_what_is_wrong_at_once_is_an_error_and_no_download() -> None:
    def broken() -> Iterator[list[dict[str, Any]]]:
        raise RuntimeError("away")
        yield []

    with pytest.raises(RuntimeError, match="away"):
        exporting.download(RequestFactory().get("/"), "csv", name="x", columns=[], pages=broken())


@pytest.mark.django_db
def test_pages_are_read_when_they_are_asked_for() -> None:
    users = [make_user(f"user{number}") for number in range(5)]

    with CaptureQueriesContext(connection) as queries:
        pages = exporting.pages_of(User.objects.all(), size=2)
        first = next(pages)
        assert len(queries) == 1
        rest = [user for page in pages for user in page]

    assert {user.pk for user in [*first, *rest]} == {user.pk for user in users}
    assert len(queries) == 3
    assert all("OFFSET" not in query["sql"] for query in queries)


def test_a_server_of_streams_reads_on_as_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    closed: list[int] = []
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(len(read)))

    def pages() -> Iterator[list[dict[str, int]]]:
        for number in range(3):
            read.append(number)
            yield [{"n": number}]

    async def take() -> list[tuple[bytes, int]]:
        request = AsyncRequestFactory().get("/")
        response = exporting.download(request, "csv", name="x", columns=["n"], pages=pages())
        assert response.is_async
        content = cast("AsyncIterator[bytes]", response.streaming_content)
        return [(chunk, len(read)) async for chunk in content]

    assert asyncio.run(take()) == [
        (b'"n"\r\n"0"\r\n', 1),
        (b'"1"\r\n', 2),
        (b'"2"\r\n', 3),
    ]
    assert closed == [1, 2, 3, 3]  # a connection is given back after each
