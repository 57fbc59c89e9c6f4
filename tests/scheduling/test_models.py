from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from operations.models import Run
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import OPERATION, make_schedule, utc

SIX = utc("2026-11-21 06:00")


@pytest.mark.parametrize(
    "change",
    [
        {"next_execution_at": None},
        {"counted_from": utc("2027-01-01")},
        {"enabled": False},
        {"enabled": False, "next_execution_at": None},
        {"pause_reason": "Why not"},
        {"archived_at": utc("2026-11-21")},
        {"expression": ""},
        {"type": "manual"},
        {"priority": 11},
        {"gap": "sometimes"},
        {"running_since": utc("2026-11-21")},
    ],
    ids=str,
)
def test_the_database_refuses_a_schedule_at_odds_with_itself(
    alice: User, change: dict[str, Any]
) -> None:
    schedule = make_schedule(owner=alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(**change)


def test_the_database_refuses_a_second_execution_of_a_fire(alice: User) -> None:
    schedule = make_schedule(owner=alice)
    fire = {"schedule": schedule, "expected_at": SIX, "triggered_by": "cron", "reason": "Busy."}
    Execution.objects.create(**fire)

    with pytest.raises(IntegrityError), transaction.atomic():
        Execution.objects.create(**fire)


@pytest.mark.parametrize(("has_run", "reason"), [(True, "Busy."), (False, "")])
def test_an_execution_has_either_a_run_or_a_reason(
    alice: User,
    has_run: bool,  # noqa: FBT001
    reason: str,
) -> None:
    run = Run.objects.create(owner=alice, operation=OPERATION, origin="cron") if has_run else None

    with pytest.raises(IntegrityError), transaction.atomic():
        Execution.objects.create(
            schedule=make_schedule(owner=alice),
            expected_at=SIX,
            triggered_by="cron",
            run=run,
            reason=reason,
        )


def test_the_status_of_an_execution_is_its_runs(alice: User) -> None:
    run = Run.objects.create(owner=alice, operation=OPERATION, origin="cron", status="running")
    execution = Execution(run=run)

    assert execution.status == "running"
    assert Execution(reason="Busy.").status == "skipped"


def test_strangers_see_neither_schedules_nor_executions(alice: User, bob: User) -> None:
    schedule = make_schedule(owner=alice)
    Execution.objects.create(
        schedule=schedule, expected_at=SIX, triggered_by="cron", reason="Busy."
    )

    assert Schedule.objects.visible_to(alice).count() == 1
    assert Execution.objects.visible_to(alice).count() == 1
    assert not Schedule.objects.visible_to(bob).exists()
    assert not Execution.objects.visible_to(bob).exists()


def test_what_is_due_is_found_by_its_index(alice: User) -> None:
    make_schedule(owner=alice)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

    assert "schedule_due" in Schedule.objects.due(SIX).order_by("next_execution_at").explain()
