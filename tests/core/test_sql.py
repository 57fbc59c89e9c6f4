from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import sql
from core.ids import uuid7
from operations.models import ProviderState, Run, Usage

pytestmark = pytest.mark.django_db

HOUR = datetime(2026, 11, 21, 12, tzinfo=UTC)
COLUMNS = ("id", "owner_id", "hour", "operation", "origin", "cost_usd", "provider", "model")
SUMS = (
    *("runs", "succeeded", "failed", "skipped", "unknown_cost", "input_tokens"),
    *("cached_tokens", "output_tokens", "latency_ms", "timed"),
)


def usage(owner: User, operation: str = "task", cost: str = "0.01", **given: Any) -> list[Any]:
    id_, hour = given.get("id", uuid7()), given.get("hour", HOUR)
    row = [id_, owner.pk, hour, operation, "cron", Decimal(cost), "openai", "gpt"]
    return [*row, *[1] * len(SUMS)]


def insert(rows: list[list[Any]], **given: str) -> list[Any]:
    return sql.insert_rows(Usage, (*COLUMNS, *SUMS), rows, **given)


# --- insert ---------------------------------------------------------------------------------------


def test_inserted_rows_read_as_the_models_fields(alice: User) -> None:
    moment = HOUR + timedelta(microseconds=1)
    id_ = uuid7()

    insert([usage(alice, "naïve “task” %s", "0.000000001", id=id_, hour=moment)])

    row = Usage.objects.get()
    assert (row.pk, row.owner, row.hour) == (id_, alice, moment)
    assert (row.operation, row.cost_usd) == ("naïve “task” %s", Decimal("0.000000001"))


def test_json_and_nothing_are_inserted_as_they_are(alice: User) -> None:
    names = ["id", "owner_id", "operation", "parameters", "origin", "priority", "requested_model"]
    names += ["status", "reason", "error", "claims", "deaths", "lane", "provider", "model"]
    names += ["finished_at", "cost_usd"]
    parameters = {"title": "it's “so”", "list": [1, None, {"deep": True}]}
    row = [uuid7(), alice.pk, "task", parameters, "cron", 5, "", "pending", "", "", 0, 0, "", ""]

    sql.insert_rows(Run, names, [[*row, "", None, None]])

    run = Run.objects.get()
    assert run.parameters == parameters
    assert (run.finished_at, run.cost_usd) == (None, None)


def test_more_rows_than_a_statement_takes_are_all_inserted_and_returned(alice: User) -> None:
    rows = [usage(alice, f"task-{number}") for number in range(sql.CHUNK + 1)]

    with CaptureQueriesContext(connection) as queries:
        returned = insert(rows, returning="id")

    assert len(queries) == 2
    ids = [id_ for (id_,) in sql.read_rows(Usage, ("id",), returned)]
    assert sorted(ids) == sorted(row[0] for row in rows)


def test_rows_in_conflict_are_left_out_and_not_returned(alice: User) -> None:
    insert([usage(alice, "old", "1")])
    new = usage(alice, "new", "2")

    returned = insert(
        [usage(alice, "old", "3"), new], on_conflict="ON CONFLICT DO NOTHING", returning="id"
    )

    assert sql.read_rows(Usage, ("id",), returned) == [(new[0],)]
    assert Usage.objects.get(operation="old").cost_usd == 1


def test_no_rows_make_no_statement(alice: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert insert([], returning="id") == []
        assert sql.update_rows(Usage, ["id"], ["runs"], []) == []

    assert len(queries) == 0


# --- update ---------------------------------------------------------------------------------------


def test_rows_are_set_and_increased_each_by_its_own_values(alice: User) -> None:
    first, second, other = usage(alice, "a"), usage(alice, "b"), usage(alice, "c")
    insert([first, second, other])

    sql.update_rows(
        Usage,
        ["id"],
        ["model", "cost_usd"],
        [(first[0], "x", Decimal(3), 10), (second[0], "y", Decimal("0.5"), -1)],
        add=["runs"],
    )

    told = Usage.objects.order_by("operation").values_list("model", "cost_usd", "runs")
    assert list(told) == [("x", 3, 11), ("y", Decimal("0.5"), 0), ("gpt", Decimal("0.01"), 1)]


def test_only_rows_that_meet_the_condition_are_changed_and_returned(alice: User) -> None:
    first, second = usage(alice, "a"), usage(alice, "b")
    insert([first, second])
    Usage.objects.filter(pk=second[0]).update(failed=7)

    returned = sql.update_rows(
        Usage,
        ["id"],
        ["runs"],
        [(first[0], 5), (second[0], 5)],
        where="t.failed < v.runs",
        returning="t.id, t.runs",
    )

    assert sql.read_rows(Usage, ("id", "runs"), returned) == [(first[0], 5)]
    assert Usage.objects.get(pk=second[0]).runs == 1


def test_a_key_may_have_several_columns(alice: User, bob: User) -> None:
    insert([usage(alice, "a"), usage(alice, "b"), usage(bob, "a")])

    sql.update_rows(Usage, ["owner_id", "operation"], ["model"], [(alice.pk, "a", "x")])

    assert Usage.objects.get(model="x").owner == alice


def test_moments_and_nothing_are_set(db: None) -> None:
    ProviderState.objects.create(provider="openai", open_until=HOUR, requests_left=1.5)

    sql.update_rows(
        ProviderState,
        ["provider"],
        ["open_until", "blocked_until", "requests_left"],
        [("openai", None, HOUR, None)],
    )

    row = ProviderState.objects.get()
    assert (row.open_until, row.blocked_until, row.requests_left) == (None, HOUR, None)


# --- together -------------------------------------------------------------------------------------


def test_writes_of_a_block_are_done_at_its_end_in_their_order(alice: User) -> None:
    row = usage(alice)

    with CaptureQueriesContext(connection) as queries, sql.together():
        insert([row])
        sql.update_rows(Usage, ["id"], ["model"], [(row[0], "50 %")])

    assert Usage.objects.get().model == "50 %"
    assert len(queries) == (1 if sql.is_postgresql() else 2)


def test_a_block_that_breaks_writes_nothing_and_leaves_nothing_behind(alice: User) -> None:
    def write_and_break() -> None:
        with transaction.atomic(), sql.together():
            insert([usage(alice)])
            raise KeyError

    with pytest.raises(KeyError):
        write_and_break()

    insert([usage(alice, "after")])  # at once, not with what was kept

    assert [row.operation for row in Usage.objects.all()] == ["after"]


def test_what_returns_is_done_at_once(alice: User) -> None:
    with sql.together():
        returned = insert([usage(alice)], returning="id")
        assert len(returned) == 1
        assert Usage.objects.count() == 1


# --- questions ------------------------------------------------------------------------------------


def ask(condition: str) -> bool:
    return sql.has_row(f"SELECT 1 FROM {sql.table(Usage)} WHERE {condition} LIMIT 1")  # noqa: S608


@pytest.mark.parametrize(
    ("ahead", "expected"), [(timedelta(0), True), (timedelta(microseconds=1), False)]
)
def test_a_moment_compares_exactly(alice: User, ahead: timedelta, expected: bool) -> None:  # noqa: FBT001
    hour = HOUR + timedelta(microseconds=123_456)
    insert([usage(alice, hour=hour)])

    assert ask(f"hour >= {sql.literal(hour + ahead)}") is expected


def test_a_moment_of_another_zone_is_the_same_moment(alice: User) -> None:
    insert([usage(alice)])
    elsewhere = HOUR.astimezone(datetime.fromisoformat("2026-11-21T00:00+05:30").tzinfo)

    assert ask(f"hour = {sql.literal(elsewhere)}")


@pytest.mark.django_db(transaction=True)
def test_a_question_is_answered_outside_of_transactions_too(alice: User) -> None:
    assert not ask("runs > 0")
    insert([usage(alice)])

    assert ask("runs > 0")


@pytest.mark.django_db(transaction=True)
def test_a_question_that_cannot_be_asked_says_what_is_wrong(db: None) -> None:
    with pytest.raises(DatabaseError, match="nowhere"):
        sql.has_row("SELECT 1 FROM nowhere")


def test_rows_are_found_among_values_of_each_kind(alice: User) -> None:
    rows = [usage(alice, operation) for operation in "abc"]
    insert(rows)

    def found(column: str, kind: str, values: list[Any]) -> list[UUID]:
        condition, keys = sql.among(column, kind, values)
        with connection.cursor() as cursor:
            query = f"SELECT id FROM {sql.table(Usage)} WHERE {condition}"  # noqa: S608
            cursor.execute(query, keys)
            return sorted(id_ for (id_,) in sql.read_rows(Usage, ("id",), cursor.fetchall()))

    assert found("id", "uuid", [rows[0][0], rows[2][0]]) == sorted([rows[0][0], rows[2][0]])
    assert found("runs", "bigint", [1, 2]) == sorted(row[0] for row in rows)
    assert found("runs", "bigint", [2]) == []


def test_raw_rows_are_read_as_the_fields_hold_them(alice: User) -> None:
    row = usage(alice, "a", "1.25")
    insert([row])
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, owner_id, hour, cost_usd FROM operation_execution_analytics")
        raw = cursor.fetchall()

    (read,) = sql.read_rows(Usage, ("id", "owner_id", "hour", "cost_usd"), raw)

    assert read == (row[0], alice.pk, HOUR, Decimal("1.25"))


def test_a_column_that_the_model_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="Usage has no column colour"):
        sql.read_rows(Usage, ("colour",), [(1,)])
