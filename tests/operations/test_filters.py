from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core import live
from operations import filters
from operations.filters import RunFilter
from operations.models import Run
from tests.builders import make_run


def found(owner: User, query: str = "") -> RunFilter:
    return RunFilter(QueryDict(query), Run.objects.visible_to(owner))


def pks(filter_: RunFilter) -> list[UUID]:
    return [run.pk for run in filter_.page.rows]


def at(owner: User, moment: datetime, **more: object) -> Run:
    """Return a run made at `moment`, which its id tells as well."""
    milliseconds = int(moment.timestamp() * 1000)
    id_ = UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | Run.objects.count())
    return make_run(owner, id=id_, created_at=moment, **more)


def test_without_filters_all_own_runs_are_found_newest_first(alice: User, bob: User) -> None:
    old, new = make_run(alice), make_run(alice)
    make_run(bob)

    assert pks(found(alice)) == [new.pk, old.pk]


@pytest.mark.parametrize("status", Run.Status.values)
def test_each_state_is_found_and_counted(alice: User, bob: User, status: str) -> None:
    runs = {each: make_run(alice, status=each) for each in Run.Status.values}
    make_run(bob, status=status)

    shown = found(alice, f"status={status}")

    assert pks(shown) == [runs[status].pk]
    assert shown.state_counts == {"": "7"} | dict.fromkeys(Run.Status.values, "1")


@pytest.mark.parametrize("query", ["operation=email-compose", "origin=cron", "model=openai"])
def test_counts_are_of_what_the_other_filters_leave(alice: User, query: str) -> None:
    asked = {"operation": "email-compose", "origin": "cron", "provider": "openai", "model": "m"}
    make_run(alice, status=Run.Status.FAILED, **asked)
    make_run(alice, status=Run.Status.SUCCESS, **asked)
    make_run(alice, status=Run.Status.FAILED)

    shown = found(alice, f"{query}&status=failed")

    assert (shown.state_counts[""], shown.state_counts["failed"]) == ("2", "1")
    assert len(pks(shown)) == 1


@pytest.mark.parametrize("query", ["", "origin=manual"])
def test_counts_stop_at_a_limit(alice: User, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "COUNTED_AT_MOST", 2)
    for _ in range(3):
        make_run(alice, status=Run.Status.SUCCESS)

    shown = found(alice, query)

    assert shown.state_counts[""] == "2+"
    assert len(pks(shown)) == 3


def test_a_model_is_asked_for_alone_or_by_its_provider(alice: User) -> None:
    mini = make_run(alice, provider="openai", model="gpt-5-mini")
    nano = make_run(alice, provider="openai", model="gpt-5-nano")
    make_run(alice, provider="gemini", model="gpt-5-mini")

    assert pks(found(alice, "model=openai")) == [nano.pk, mini.pk]
    assert pks(found(alice, "model=openai:gpt-5-mini")) == [mini.pk]
    assert pks(found(alice, "model=gone:thing")) == []


def test_a_period_has_the_days_of_the_readers_zone(alice: User) -> None:
    before = at(alice, datetime(2026, 10, 24, 21, 59, tzinfo=UTC))
    first = at(alice, datetime(2026, 10, 24, 22, 0, tzinfo=UTC))
    last = at(alice, datetime(2026, 10, 25, 22, 59, tzinfo=UTC))  # the day has 25 hours
    after = at(alice, datetime(2026, 10, 25, 23, 0, tzinfo=UTC))

    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert pks(found(alice, "from=2026-10-25&to=2026-10-25")) == [last.pk, first.pk]
        assert pks(found(alice, "from=2026-10-26")) == [after.pk]
        assert pks(found(alice, "to=2026-10-24")) == [before.pk]


def test_clocks_that_differ_by_minutes_lose_no_run_at_the_edge_of_a_period(alice: User) -> None:
    moment = datetime(2026, 11, 1, 0, 0, 5, tzinfo=UTC)
    run = at(alice, moment - timedelta(minutes=20))  # its id was made by a clock that is behind
    Run.objects.filter(pk=run.pk).update(created_at=moment)

    assert pks(found(alice, "from=2026-11-01")) == [run.pk]


def test_a_run_is_found_by_its_id_or_its_beginning(alice: User, bob: User) -> None:
    run = at(alice, datetime(2026, 1, 1, tzinfo=UTC))
    make_run(alice)
    foreign = make_run(bob)

    assert pks(found(alice, f"q={run.pk}")) == [run.pk]
    assert pks(found(alice, f"q={str(run.pk)[:13].upper()}")) == [run.pk]
    assert pks(found(alice, f"q={foreign.pk}")) == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("q=report", "q"),
        ("q=%00", "q"),
        ("q=" + "a" * 33, "q"),
        ("from=yesterday", "from"),
        ("to=9999-12-31", "to"),
        ("to=2026-02-30", "to"),
        ("from=2026-11-02&to=2026-11-01", "to"),
    ],
)
def test_what_cannot_be_read_is_said(alice: User, query: str, name: str) -> None:
    shown = found(alice, query)

    assert list(shown.problems) == [name]
    assert shown.rows == []
    assert shown.state_counts[""] == "0"


@pytest.mark.parametrize(
    "query", ["status=gone", "origin=x", "from=0001-01-01", "to=9999-12-31", "cursor=~~", "a=b"]
)
def test_what_means_nothing_is_left_out(alice: User, query: str) -> None:
    run = make_run(alice)

    assert pks(found(alice, query)) == [run.pk]


@pytest.mark.parametrize("query", ["operation=%00", "model=%00", "model=openai:a%00b"])
def test_what_no_database_can_hold_is_left_out(alice: User, query: str) -> None:
    shown = found(alice, query)

    assert "\0" not in shown.operation + shown.model
    assert isinstance(shown.rows, list)  # PostgreSQL was asked, and did not refuse


def test_a_list_whose_query_is_too_long_for_a_live_part_stands_still(alice: User) -> None:
    assert found(alice, "q=" + "a" * live.LONGEST_PART).live_query is None
    assert found(alice, "q=aaaaaa").live_query == "q=aaaaaa"


def test_an_operation_that_is_gone_can_still_be_asked_for(alice: User) -> None:
    run = make_run(alice, operation="task-forgotten")

    shown = found(alice, "operation=task-forgotten")

    assert [row.title for row in shown.rows] == ["task-forgotten"]
    assert shown.operations[-1].value == "task-forgotten"
    assert pks(shown) == [run.pk]


def test_a_querystring_keeps_the_filters_and_starts_at_the_first_page(alice: User) -> None:
    shown = found(alice, "status=failed&origin=cron&cursor=next~x&junk=1")

    assert shown.querystring(status="success") == "status=success&origin=cron"
    assert shown.querystring(status="") == "origin=cron"
    assert shown.live_query is None
    assert found(alice, "status=failed").live_query == "status=failed"


def test_rare_states_are_offered_only_where_there_is_one(alice: User) -> None:
    make_run(alice, status=Run.Status.SKIPPED)

    values = [value for value, _, _ in found(alice).states]

    assert values == ["", "running", "pending", "success", "failed", "skipped"]


@pytest.mark.parametrize("number", [3, 60])
def test_the_queries_do_not_grow_with_the_rows(
    alice: User, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(number):
        make_run(alice)
    shown = found(alice)

    with django_assert_num_queries(3):  # a page, where its runs come from, the counts
        assert len(shown.rows) == min(number, 50)
        assert shown.states


@pytest.mark.parametrize("status", ["waiting", "failed", "skipped", "cancelled"])
def test_a_rare_state_is_found_by_its_index(alice: User, status: str) -> None:
    query = Run.objects.visible_to(alice).of_status(status).order_by("-id")[:51]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # a handful of rows is read faster without any index
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            cursor.execute("DROP INDEX run_owner_newest, run_owner_operation")

    assert "run_rare" in query.explain()
