from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from audit import append_only
from audit import services as audit
from audit.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(alice: User) -> AuditEvent:
    append_only.install(connection)  # the suite goes without some; see conftest.py
    return audit.record("thing.made", target="thing:1", by=alice, after={"name": "x"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET ip = '10.0.0.1'",
        "DELETE FROM audit_events",
        "UPDATE audit_details SET text = '{}'",
        "DELETE FROM audit_details",
    ],
)
def test_the_database_refuses_a_change(event: AuditEvent, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", ["audit_events", "audit_details"])
def test_the_database_refuses_to_empty_the_log(event: AuditEvent, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE refuses while checks are due
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite replaces rows")
def test_the_database_refuses_to_replace_a_row(event: AuditEvent) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events")


def test_every_trigger_is_there_after_installing(event: AuditEvent) -> None:
    assert append_only.installed(connection) == append_only.expected(connection)
