from __future__ import annotations

from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from operations import origins
from scheduling.models import Execution, Schedule
from tests.builders import make_run


def test_a_run_leads_to_the_schedule_that_started_it(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    schedule = Schedule.objects.create(
        owner=alice, name="Nightly", operation="task-breakdown", type="manual", zone="UTC"
    )
    now = timezone.now()
    fired, alone = make_run(alice), make_run(alice)
    Execution.objects.create(schedule=schedule, expected_at=now, triggered_by="cron", run=fired)

    with django_assert_num_queries(1):
        found = origins.of([fired.pk, alone.pk])

    origin = origins.Origin("Nightly", f"/schedules/{schedule.pk}/", now)
    assert found == {fired.pk: origin}


def test_a_click_was_expected_at_no_moment(alice: User) -> None:
    schedule = Schedule.objects.create(
        owner=alice, name="Nightly", operation="task-breakdown", type="manual", zone="UTC"
    )
    run = make_run(alice)
    Execution.objects.create(
        schedule=schedule, expected_at=timezone.now(), triggered_by="manual", run=run
    )

    assert origins.of([run.pk])[run.pk].expected_at is None


def test_no_runs_cost_no_query(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert origins.of([]) == {}
