"""The database's own refusal to change or delete what was recorded, whoever asks.

There is no switch to turn it off: the test suite, which has to empty its tables, drops
`EMPTYING` from its own database.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = {"audit_events": "id", "audit_details": "event_id"}
# The triggers that stand in the way of emptying a table between two tests.
EMPTYING = {"postgresql": "truncate", "sqlite": "delete"}


def install(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, only: str = "") -> None:
    """Drop the triggers; `only` names one kind: update, delete, truncate, insert."""
    on_table = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name in installed(connection):
            if not only or name.endswith(f"_{only}"):
                table = name.removeprefix("refuse_").rpartition("_")[0]
                cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if on_table else ""))


def installed(connection: BaseDatabaseWrapper) -> list[str]:
    source = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgname LIKE %s AND NOT tgisinternal"
        " AND tgenabled <> 'D' AND tgrelid = to_regclass(%s)",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s"
        " AND tbl_name = %s",
    }[connection.vendor]
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(source, [f"refuse_{table}_%", table])
            found += [row[0] for row in cursor.fetchall()]
    return sorted(found)


def expected(connection: BaseDatabaseWrapper) -> list[str]:
    kinds = {
        "postgresql": ["update", "delete", "truncate"],
        "sqlite": ["update", "delete", "insert"],
    }
    return sorted(f"refuse_{table}_{kind}" for table in TABLES for kind in kinds[connection.vendor])


def _statements(vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'The audit log is append-only: % of % is refused.',"
            " TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$",
            *(
                f"CREATE OR REPLACE TRIGGER refuse_{table}_{kind} BEFORE {kind.upper()} ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
                for table in TABLES
                for kind in ("update", "delete", "truncate")
            ),
        ]
    refuse = "SELECT RAISE(ABORT, 'The audit log is append-only: {kind} of {table} is refused.')"
    changes = [
        f"CREATE TRIGGER IF NOT EXISTS refuse_{table}_{kind} BEFORE {kind.upper()} ON {table}"
        f" BEGIN {refuse.format(kind=kind.upper(), table=table)}; END"
        for table in TABLES
        for kind in ("update", "delete")
    ]
    # INSERT OR REPLACE deletes without asking the delete trigger.
    replacements = [
        f"CREATE TRIGGER IF NOT EXISTS refuse_{table}_insert BEFORE INSERT ON {table}"  # noqa: S608
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}{place})"
        f" BEGIN {refuse.format(kind='REPLACE', table=table)}; END"
        for table, key, place in (
            ("audit_events", "id", " OR (stream = NEW.stream AND seq = NEW.seq)"),
            ("audit_details", "event_id", ""),
        )
    ]
    return changes + replacements
