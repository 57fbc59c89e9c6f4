"""No page asks more of the database for having more rows, nor more than twelve statements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import User
from analytics import condition
from audit import services as audit
from operations.models import Attempt, Run, Usage
from preferences import services as preferences
from scheduling.models import Execution
from tests.builders import make_job, make_run, rows_with_pages
from tests.conftest import signed_in
from tests.scheduling.builders import make_schedule

MOST_STATEMENTS = 12
NO_PAGES = {"show_alive", "show_ready", "stream_events"}  # for machines
OF_WORDS = {"slug": "email-classify", "colour": "3b82f6"}
QUERIES = {
    "preview_cadence": "?expression=0 6 * * *&zone=UTC&type=cron",
    "change_schedules": "?do=delete&all=1",
}


def grow(owner: User, count: int) -> None:
    """Add `count` rows of everything that lists show, each tied to the others as in life."""
    now = timezone.now()
    for number in range(count):
        schedule = make_schedule(
            owner=owner, name=f"No. {number}", next_at=now + timedelta(hours=number + 1)
        )
        failed = number % 3 == 0
        run = make_run(
            owner,
            status=Run.Status.FAILED if failed else Run.Status.SUCCESS,
            operation="task-prioritize",
            origin=Run.Origin.CRON,
            provider="local",
            model="rules-1",
            error="It broke." if failed else "",
        )
        Attempt.objects.create(run=run, number=1, provider="local", model="r", started_at=now)
        fires = [
            Execution(schedule=schedule, expected_at=now, triggered_by="cron", run=run),
            Execution(
                schedule=schedule,
                expected_at=now - timedelta(minutes=1),
                triggered_by="cron",
                reason="Busy.",
            ),
        ]
        Execution.objects.bulk_create(fires)
        make_schedule(
            owner=owner, type="manual", enabled=False, pause_reason="Away.", name=f"Off {number}"
        )
        make_run(owner)
        make_job()
        audit.record("schedule.changed", target=schedule, by=owner, after={"priority": number})
        Usage.objects.create(
            owner=owner,
            hour=now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=number),
            operation="task-prioritize",
            origin=f"{Run.Origin.CRON}-{Usage.objects.count()}"[:16],
            runs=1,
            cost_usd=Decimal("0.01"),
        )


def pages(owner: User) -> Iterator[tuple[str, str]]:
    """Yield (name, path) of each address of ours, those of a row with a row of `owner`."""
    rows = rows_with_pages(owner)

    def walk(
        patterns: list[URLPattern | URLResolver], arguments: tuple[str, ...]
    ) -> Iterator[tuple[str, str]]:
        for entry in patterns:
            taken = (*arguments, *entry.pattern.regex.groupindex)
            if isinstance(entry, URLResolver):
                if entry.app_name != "admin":
                    yield from walk(entry.url_patterns, taken)
            elif entry.name and entry.name not in NO_PAGES:
                values = {each: OF_WORDS.get(each) or rows[entry.name].pk for each in taken}
                yield entry.name, reverse(entry.name, kwargs=values) + QUERIES.get(entry.name, "")

    return walk(get_resolver().url_patterns, ())


def statements(client: Client, owner: User, path: str) -> list[str] | None:
    """Return what a page asks when this process knows nothing of its reader; None: no page."""
    first = client.get(path)  # the catalogue, the migrations: read once in a process's life
    if first.status_code in {204, 302, 405}:
        return None
    assert first.status_code == 200, f"{path} answers {first.status_code}"
    condition.forget()
    preferences.forget(owner.pk)
    preferences.forget_theme(owner.pk)
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    return [query["sql"] for query in captured]


@pytest.mark.django_db
def test_no_page_asks_more_for_thirty_rows_than_for_three(sam: User) -> None:
    client = signed_in(sam)
    grow(sam, 3)
    addresses = dict(pages(sam))
    few = {name: statements(client, sam, path) for name, path in addresses.items()}
    grow(sam, 27)
    many = {name: statements(client, sam, path) for name, path in addresses.items()}

    grown = {
        name: (len(few[name] or []), len(asked))
        for name, asked in many.items()
        if asked is not None and len(asked) > len(few[name] or [])
    }
    over = {
        name: len(asked)
        for name, asked in many.items()
        if asked is not None and len(asked) > MOST_STATEMENTS
    }

    assert grown == {}
    assert over == {}
    lists = {"show_overview", "list_runs", "list_schedules", "list_jobs", "list_audit_events"}
    assert lists <= {name for name, asked in many.items() if asked}
