from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from accounts.models import User
from core.errors import DomainError
from jobs import queue, registry, runner, services
from jobs.models import JobRun, JobStamp
from jobs.schedule import ensure_tick
from jobs.worker import stopping

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
calls: list[object] = []


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test its own registry, and a clock that stands still."""
    registry.all_tasks()
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))
    monkeypatch.setattr(registry, "_periodic", {})
    calls.clear()
    registry.task("t.work", aliases=("t.old_name",))(lambda **given: calls.append(given))
    registry.task("t.fail", max_attempts=3)(fail)
    registry.task("t.refuse")(refuse)
    with time_machine.travel(NOW, tick=False):
        yield


def fail() -> None:
    calls.append("fail")
    raise RuntimeError("api_key=sk-abcdefghijklmnopqrstuvwxyz0123456789 was refused")


def refuse() -> None:
    raise DomainError("The file has no rows; upload another.")


def only() -> JobRun:
    return JobRun.objects.get()


def test_a_job_runs_with_its_arguments() -> None:
    queue.enqueue("t.work", batch_id="7")

    assert runner.drain_queue() == 1
    assert calls == [{"batch_id": "7"}]
    assert (only().state, only().progress, only().attempts) == ("success", 100, 1)


def test_a_job_is_not_queued_when_the_transaction_is_undone() -> None:
    with transaction.atomic():
        queue.enqueue("t.work")
        transaction.set_rollback(True)

    assert not JobRun.objects.exists()
    assert not OrmQ.objects.exists()


def test_an_unknown_job_is_refused_by_name() -> None:
    with pytest.raises(registry.UnknownTask, match=r"no job “t\.nope”.*t\.work"):
        queue.enqueue("t.nope")


def test_an_alias_still_runs_and_is_logged_by_the_new_name() -> None:
    queue.enqueue("t.old_name")
    runner.drain_queue()

    assert calls == [{}]
    assert only().name == "t.work"


def test_a_second_delivery_does_nothing() -> None:
    job = queue.enqueue("t.work")

    runner.run_job(str(job.pk))
    runner.run_job(str(job.pk))

    assert len(calls) == 1


def test_two_processes_that_hold_the_same_row_run_it_once() -> None:
    job = queue.enqueue("t.work")
    mine, theirs = JobRun.objects.get(pk=job.pk), JobRun.objects.get(pk=job.pk)

    claims = [each.claim(limit=timedelta(seconds=9), now=NOW) for each in (mine, theirs)]

    assert claims == [True, False]


def test_a_failed_attempt_waits_longer_each_time_and_then_fails() -> None:
    job = queue.enqueue("t.fail")
    pauses = []
    for _ in range(2):
        runner.run_job(str(job.pk))
        next_attempt_at = only().next_attempt_at
        assert next_attempt_at
        pauses.append((next_attempt_at - NOW).total_seconds())
        services.requeue_due(next_attempt_at)
    runner.run_job(str(job.pk))

    assert 22 <= pauses[0] <= 38
    assert 45 <= pauses[1] <= 75
    assert (only().state, only().attempts) == (JobRun.State.FAILED, 3)


def test_a_job_that_waits_for_its_next_attempt_cannot_be_claimed() -> None:
    job = queue.enqueue("t.fail")
    runner.run_job(str(job.pk))

    runner.run_job(str(job.pk))

    assert len(calls) == 1


def test_the_error_is_kept_without_its_secret() -> None:
    queue.enqueue("t.fail")
    runner.drain_queue()

    assert only().error.startswith("RuntimeError: ")
    assert "abcdefghijklmnopqrstuvwxyz" not in only().error


def test_a_refusal_is_not_tried_again() -> None:
    queue.enqueue("t.refuse")
    runner.drain_queue()

    assert (only().state, only().error) == ("failed", "The file has no rows; upload another.")


def test_a_job_without_a_row_in_the_queue_is_found() -> None:
    queue.enqueue("t.work")
    OrmQ.objects.all().delete()

    services.tick(now=NOW)

    assert OrmQ.objects.get().pk == only().ticket
    runner.drain_queue()
    assert len(calls) == 1


def test_a_job_that_a_dead_cluster_had_fetched_is_offered_again() -> None:
    queue.enqueue("t.work")
    OrmQ.objects.update(lock=NOW + timedelta(seconds=1200))  # what fetching does

    services.tick(now=NOW + timedelta(minutes=4))
    assert queue.queue_depth() == 0
    services.tick(now=NOW + timedelta(minutes=6))

    assert queue.queue_depth() == 1


def test_a_job_whose_process_died_is_tried_again() -> None:
    job = queue.enqueue("t.work")
    job.claim(limit=timedelta(minutes=5), now=NOW)

    services.tick(now=NOW + timedelta(minutes=6))

    assert only().state == JobRun.State.QUEUED
    assert only().next_attempt_at
    assert "died" in only().error


def test_an_attempt_that_lost_its_lease_cannot_settle_the_job() -> None:
    queue.enqueue("t.work")
    late = only()
    late.claim(limit=timedelta(minutes=5), now=NOW)
    services.fail_stalled(NOW + timedelta(minutes=6))

    assert not late.leave(JobRun.State.SUCCESS, now=NOW)
    assert only().state == JobRun.State.QUEUED


def test_a_job_that_the_code_no_longer_knows_fails_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, kept = queue.enqueue("t.work"), queue.enqueue("t.fail")
    OrmQ.objects.all().delete()
    monkeypatch.delitem(registry._tasks, "t.work")

    services.tick(now=NOW)
    runner.drain_queue()

    gone.refresh_from_db()
    kept.refresh_from_db()
    assert (gone.state, kept.attempts) == (JobRun.State.FAILED, 1)
    assert "There is no job “t.work”" in gone.error


def test_a_stopping_process_hands_its_job_on() -> None:
    job = queue.enqueue("t.work")
    first = job.ticket
    stopping.set()
    try:
        runner.run_job(str(job.pk))
    finally:
        stopping.clear()

    assert not calls
    assert only().state == JobRun.State.QUEUED
    assert only().ticket != first


def test_a_periodic_job_starts_once_an_interval_at_its_hour() -> None:
    starts = []
    registry.periodic("t.daily", every=timedelta(days=1), offset=timedelta(hours=2))(
        lambda: starts.append(1)
    )
    for minute in range(0, 26 * 60, 30):  # from 12:00 to 14:00 of the next day
        services.tick(now=NOW + timedelta(minutes=minute))
        runner.drain_queue()

    assert len(starts) == 2  # at once, when it was new, and at 02:00
    stamp = JobStamp.objects.get(name="t.daily").stamped_at
    assert stamp == datetime(2026, 11, 22, 2, 0, 30, tzinfo=UTC)


def test_a_periodic_job_does_not_pile_up() -> None:
    registry.periodic("t.minutely", every=timedelta(minutes=1))(fail)

    for minute in range(3):
        services.start_periodic(NOW + timedelta(minutes=minute))

    assert JobRun.objects.filter(name="t.minutely").count() == 1


def test_one_broken_periodic_job_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("t.a", "t.b", "t.c"):
        registry.periodic(name, every=timedelta(minutes=1))(fail)
    monkeypatch.delitem(registry._tasks, "t.b")

    services.tick(now=NOW)

    assert set(JobRun.objects.values_list("name", flat=True)) == {"t.a", "t.c"}


def test_one_broken_step_does_not_stop_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "fail_stalled", lambda now: 1 / 0)
    registry.periodic("t.a", every=timedelta(minutes=1))(fail)

    services.tick(now=NOW)

    assert only().name == "t.a"
    assert services.moved_at() == NOW


def test_intervals_are_settings(settings: Settings) -> None:
    registry.periodic("t.a", every=timedelta(minutes=1))(fail)
    registry.periodic("t.b", every=timedelta(minutes=1))(fail)
    settings.HELIX_JOB_INTERVALS = {"t.a": 0, "t.b": 3600}

    assert [(job.name, job.every) for job in registry.all_periodic()] == [
        ("t.b", timedelta(hours=1))
    ]


def test_finished_jobs_older_than_30_days_are_deleted() -> None:
    queue.enqueue("t.work")
    runner.drain_queue()
    queue.enqueue("t.work")

    assert services.clean_up(now=NOW + timedelta(days=29)) == 0
    assert services.clean_up(now=NOW + timedelta(days=31)) == 1
    assert only().state == JobRun.State.QUEUED


def test_a_broken_or_foreign_schedule_row_is_set_right() -> None:
    Schedule.objects.update(func="nowhere.at_all", args="(", next_run=None, repeats=0)
    Schedule.objects.create(name="mine", func="os.abort", args="(")

    ensure_tick()

    row = Schedule.objects.get()
    assert (row.func, row.minutes, row.repeats, row.args) == ("jobs.runner.tick", 1, -1, None)
    assert row.next_run


def test_progress_is_written_to_the_job_that_runs() -> None:
    registry.task("t.half")(lambda: seen.append(report_half()))
    seen: list[int] = []

    runner.run_now("t.half")

    assert seen == [50]


def report_half() -> int:
    runner.report_progress(50)
    return only().progress


def test_only_staff_sees_jobs(alice: User, sam: User) -> None:
    queue.enqueue("t.work")

    assert not JobRun.objects.visible_to(alice).exists()
    assert JobRun.objects.visible_to(sam).exists()
