from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from analytics import condition
from analytics.condition import Counts, Trouble
from core import vitals
from core.health import red
from jobs.models import JobRun, JobStamp
from operations.models import EngineWorker, ProviderState, Run

PAUSED = Trouble("openai", "The key is refused.")
DOWN = Trouble("gemini", "")


@pytest.fixture(autouse=True)
def _looks_again() -> None:
    condition.forget()


def make_worker(**values: object) -> EngineWorker:
    return EngineWorker.objects.create(host="here", pid=1, slots=100, **values)


@pytest.mark.parametrize(
    ("counts", "tone", "headline", "detail"),
    [
        (
            Counts(workers=2, waiting=12, job_moves=1),
            "success",
            "All systems normal",
            "2 workers · 12 waiting",
        ),
        (Counts(workers=1), "success", "All systems normal", "1 worker · nothing waiting"),
        (Counts(), "danger", "No worker is running", "What you start will wait for one"),
        (Counts(waiting=1), "danger", "No worker is running", "1 run waits for one"),
        (Counts(waiting=1_234), "danger", "No worker is running", "1,234 runs wait for one"),
        (
            Counts(workers=1, settled_workers=1),
            "warning",
            "Background jobs stand still",
            "Restarting the worker helps",
        ),
        (
            Counts(workers=1, troubles=(PAUSED, DOWN)),
            "warning",
            "A provider is paused",
            "1 worker · nothing waiting",
        ),
        (
            Counts(workers=1, troubles=(DOWN, DOWN)),
            "warning",
            "2 providers are not answering",
            "1 worker · nothing waiting",
        ),
    ],
)
def test_counts_are_told_the_worst_first(
    counts: Counts, tone: str, headline: str, detail: str
) -> None:
    told = condition.tell(counts)

    assert (told.tone, told.headline, told.detail) == (tone, headline, detail)


def test_the_condition_is_read_from_the_rows_in_one_statement(alice: User) -> None:
    now = timezone.now()
    make_worker()
    make_worker(started_at=now - timedelta(hours=1))
    make_worker(beat_at=now - timedelta(minutes=1))
    make_worker(kind="command")
    for status in (Run.Status.PENDING, Run.Status.PENDING, Run.Status.RUNNING):
        Run.objects.create(owner=alice, operation="task-breakdown", origin="manual", status=status)
    JobStamp.objects.create(name="jobs.tick", stamped_at=now)
    vitals.check_migrations()

    with CaptureQueriesContext(connection) as queries:
        told = condition.current()

    assert told == condition.Condition("success", "All systems normal", "2 workers · 2 waiting")
    assert len(queries) == 1


def test_a_queue_that_has_not_moved_for_long_is_told(db: None) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    make_worker(started_at=long_ago)
    JobStamp.objects.create(name="jobs.tick", stamped_at=long_ago)

    assert condition.current().headline == "Background jobs stand still"


def test_a_long_job_is_a_sign_of_life(db: None) -> None:
    now = timezone.now()
    make_worker(started_at=now - timedelta(hours=1))
    JobRun.objects.create(name="jobs.clean_up", created_at=now, started_at=now)

    assert condition.current().tone == "success"


def test_providers_that_are_not_asked_are_told(db: None) -> None:
    now = timezone.now()
    make_worker()
    ProviderState.objects.create(provider="openai", paused_reason="The key is refused.")
    ProviderState.objects.create(provider="gemini", open_until=now + timedelta(minutes=1))
    ProviderState.objects.create(provider="deepseek", open_until=now - timedelta(minutes=1))
    ProviderState.objects.create(provider="local")

    told = condition.current()

    assert told.headline == "A provider is paused"
    assert told.troubles == (DOWN, PAUSED)


def test_the_condition_is_kept_for_a_moment(db: None) -> None:
    before = condition.current()
    make_worker()

    with CaptureQueriesContext(connection) as queries:
        again = condition.current()

    assert again is before
    assert len(queries) == 0


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_is_told_and_fails_no_page() -> None:
    table = EngineWorker._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        told = condition.current()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")

    assert told.tone == "danger"
    assert told.headline == "The database does not answer"


def test_missing_migrations_are_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = red("1 migrations are not applied.", mend="`manage.py migrate`")
    monkeypatch.setattr(vitals, "check_migrations", lambda: missing)

    assert condition.current().headline == "The database is not up to date"
