from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from pytest_django import Settings

from accounts.models import User
from audit.models import AuditEvent
from core.errors import DomainError
from operations import registry
from operations.models import Run
from scheduling import services
from scheduling.models import Execution, Schedule
from scheduling.services import NotPossible
from scheduling.zones import tz_version
from tests.builders import make_user
from tests.scheduling.builders import OPERATION, TASKS, make_schedule, settle, utc

NOW = utc("2026-11-21 10:00")
FIVE_AGO = utc("2026-11-21 09:55")


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


def create(owner: User, **given: Any) -> Schedule:
    given = {
        "operation": OPERATION,
        "type": "cron",
        "expression": "0 6 * * *",
        "parameters": TASKS,
    } | given
    return services.create_schedule(owner=owner, by=owner, **given)


def events(schedule: Schedule) -> list[str]:
    return list(AuditEvent.objects.about(schedule).order_by("seq").values_list("action", flat=True))


# --- create ---------------------------------------------------------------------------------------


def test_creating_plans_the_first_fire_in_the_owners_zone(db: None) -> None:
    carol = make_user("carol", zone="Europe/Berlin")

    schedule = create(carol, expression=" @daily ")

    schedule.refresh_from_db()
    assert (schedule.expression, schedule.zone) == ("0 0 * * *", "Europe/Berlin")
    assert schedule.next_execution_at == utc("2026-11-21 23:00")
    assert (schedule.counted_from, schedule.tz_version) == (NOW, tz_version())
    assert events(schedule) == ["schedule.created"]


def test_a_schedule_without_a_name_is_given_one(alice: User) -> None:
    title = registry.get(OPERATION).title

    assert create(alice).name == f"{title}, 0 6 * * *"
    assert create(alice, type="manual", expression="").name == f"{title}, by hand"


def test_a_manual_schedule_has_no_next_fire(alice: User) -> None:
    schedule = create(alice, type="manual", expression="")

    assert schedule.next_execution_at is None


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"expression": "60 * * * *"}, "expression", "minute: “60” is out of range"),
        ({"expression": ""}, "expression", "five fields"),
        ({"expression": "0 0 30 2 *"}, "expression", "never comes"),
        ({"type": "manual"}, "expression", "Only a cron schedule has an expression"),
        ({"type": "webhook"}, "expression", "Only a cron schedule has an expression"),
        ({"type": "hourly"}, "type", "not a valid choice"),
        ({"zone": "Mars/Olympus"}, "zone", "“Mars/Olympus” is not a time zone"),
        ({"gap": "never"}, "gap", "not a valid choice"),
        ({"overlap": "never"}, "overlap", "not a valid choice"),
        ({"priority": 11}, "priority", "less than or equal to 10"),
        ({"operation": "juggle"}, "operation", "There is no operation “juggle”"),
        ({"parameters": {}}, "parameters", "tasks is required"),
        ({"parameters": {**TASKS, "colour": 1}}, "parameters", "colour is not a parameter"),
        ({"parameters": [1]}, "parameters", "must be an object"),
        ({"name": "x" * 121}, "name", "at most 120 characters"),
    ],
)
def test_creating_names_the_field_that_is_wrong(
    alice: User, given: dict[str, Any], field: str, told: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        create(alice, **given)

    assert told in " ".join(refusal.value.message_dict[field])
    assert not Schedule.objects.exists()


def test_an_expression_without_a_fire_in_nine_years_is_refused(alice: User) -> None:
    with time_machine.travel(utc("2033-01-01")), pytest.raises(ValidationError) as refusal:
        create(alice, expression="0 0 29 2 */7")

    assert "does not fire within 9 years" in refusal.value.message_dict["expression"][0]


def test_fires_closer_together_than_the_setting_are_refused(
    alice: User, settings: Settings
) -> None:
    settings.HELIX_MIN_INTERVAL_S = 900

    with pytest.raises(ValidationError, match="fires 5 min apart; at least 15 min are asked for"):
        create(alice, expression="0,5 12 * * *")


# --- change ---------------------------------------------------------------------------------------


def test_changing_plans_the_next_fire_anew(alice: User) -> None:
    schedule = create(alice)

    services.change_schedule(schedule, by=alice, expression="0 12 * * *", zone="Asia/Kolkata")

    schedule.refresh_from_db()
    assert schedule.next_execution_at == utc("2026-11-22 06:30")
    assert events(schedule) == ["schedule.created", "schedule.changed"]


def test_a_refused_change_changes_nothing(alice: User) -> None:
    schedule = create(alice)

    with pytest.raises(ValidationError):
        services.change_schedule(schedule, by=alice, expression="0 25 * * *")

    schedule.refresh_from_db()
    assert schedule.expression == "0 6 * * *"
    assert events(schedule) == ["schedule.created"]


def due_since_five(owner: User, **fields: Any) -> Schedule:
    """Return an hourly schedule whose last fire, five minutes ago, no worker has taken up."""
    return make_schedule(owner=owner, expression="55 * * * *", next_at=FIVE_AGO, **fields)


def test_what_leaves_the_cadence_alone_leaves_the_next_fire_alone(
    alice: User, clock: time_machine.Traveller
) -> None:
    schedule = create(alice, expression="0 0 * * *")
    clock.shift(timedelta(hours=1))

    services.change_schedule(schedule, by=alice, name="At night", expression="@daily")

    schedule.refresh_from_db()
    assert (schedule.name, schedule.expression) == ("At night", "0 0 * * *")
    assert schedule.counted_from == NOW


@pytest.mark.parametrize("changes", [{"name": "New"}, {"expression": "0 12 * * *"}])
def test_a_fire_that_is_due_happens_before_a_change(alice: User, changes: dict[str, Any]) -> None:
    schedule = due_since_five(alice)

    services.change_schedule(schedule, by=alice, priority=9, **changes)

    execution = Execution.objects.get(expected_at=FIVE_AGO)
    assert execution.run
    assert execution.run.priority == 5
    schedule.refresh_from_db()
    assert (schedule.running_execution, schedule.execution_count) == (execution, 1)
    assert schedule.next_execution_at
    assert schedule.next_execution_at > NOW


# --- pause and resume -----------------------------------------------------------------------------


def test_pausing_keeps_the_reason(alice: User) -> None:
    schedule = create(alice)

    services.pause_schedule(schedule, by=alice, reason=" Holiday ")

    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.pause_reason) == (False, "Holiday")
    assert schedule.next_execution_at is None
    assert events(schedule) == ["schedule.created", "schedule.paused"]


def test_a_fire_that_is_due_is_skipped_by_a_pause_with_its_reason(alice: User) -> None:
    schedule = due_since_five(alice)

    services.pause_schedule(schedule, by=alice, reason="Holiday")

    execution = Execution.objects.get(expected_at=FIVE_AGO)
    assert (execution.run, execution.reason) == (None, "Paused as this fire was due: Holiday")
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.pause_reason) == (False, "Holiday")


def test_pausing_without_a_reason_is_refused(alice: User) -> None:
    with pytest.raises(NotPossible, match="needs a reason"):
        services.pause_schedule(create(alice), by=alice, reason="  ")


def test_pausing_twice_is_refused(alice: User) -> None:
    schedule = create(alice)
    services.pause_schedule(schedule, by=alice, reason="Holiday")

    with pytest.raises(NotPossible, match="is paused already: Holiday"):
        services.pause_schedule(schedule, by=alice, reason="Rain")


def test_resuming_goes_on_from_now(alice: User, clock: time_machine.Traveller) -> None:
    schedule = create(alice)
    services.pause_schedule(schedule, by=alice, reason="Holiday")
    clock.shift(timedelta(days=3))

    services.resume_schedule(schedule, by=alice)

    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.pause_reason) == (True, "")
    assert schedule.next_execution_at == utc("2026-11-25 06:00")
    assert events(schedule)[-1] == "schedule.resumed"


def test_resuming_what_is_not_paused_is_refused(alice: User) -> None:
    with pytest.raises(NotPossible, match="is not paused"):
        services.resume_schedule(create(alice), by=alice)


# --- run now --------------------------------------------------------------------------------------


def test_running_now_submits_a_manual_run(alice: User) -> None:
    schedule = create(alice, type="manual", expression="", priority=8)

    execution = services.run_now(schedule, by=alice)

    assert (execution.expected_at, execution.triggered_by) == (NOW, "manual")
    run = Run.objects.get()
    assert execution.run == run
    assert (run.owner, run.origin, run.priority, run.status) == (alice, "manual", 8, "pending")
    schedule.refresh_from_db()
    assert (schedule.execution_count, schedule.last_execution_at) == (1, NOW)
    assert schedule.running_execution == execution
    assert events(schedule) == ["schedule.created", "schedule.run_by_hand"]


def test_running_now_leaves_the_next_fire_alone(alice: User) -> None:
    schedule = create(alice)

    services.run_now(schedule, by=alice)

    schedule.refresh_from_db()
    assert schedule.next_execution_at == utc("2026-11-22 06:00")


def test_running_now_while_another_runs_is_skipped_with_the_reason(
    alice: User, clock: time_machine.Traveller
) -> None:
    schedule = create(alice)
    first = services.run_now(schedule, by=alice)
    clock.shift(timedelta(minutes=1))

    second = services.run_now(schedule, by=alice)

    assert second.status == "skipped"
    assert str(first.run_id) in second.reason
    assert Run.objects.count() == 1


def test_running_now_is_possible_again_once_the_run_has_ended(
    alice: User, clock: time_machine.Traveller
) -> None:
    schedule = create(alice)
    services.run_now(schedule, by=alice)
    settle(Run.objects.get(), NOW)
    clock.shift(timedelta(minutes=1))

    assert services.run_now(schedule, by=alice).status == "pending"


def test_running_now_works_while_paused(alice: User) -> None:
    schedule = create(alice)
    services.pause_schedule(schedule, by=alice, reason="Holiday")

    assert services.run_now(schedule, by=alice).status == "pending"


def test_a_run_that_is_not_accepted_leaves_no_execution(alice: User) -> None:
    schedule = create(alice)
    Schedule.objects.filter(pk=schedule.pk).update(parameters={})

    with pytest.raises(DomainError, match="tasks is required"):
        services.run_now(schedule, by=alice)

    assert not Execution.objects.exists()


# --- delete ---------------------------------------------------------------------------------------


def test_a_schedule_without_history_is_deleted(alice: User) -> None:
    schedule = create(alice)

    assert services.delete_schedule(schedule, by=alice)

    assert not Schedule.objects.exists()
    assert events(schedule) == ["schedule.created", "schedule.deleted"]


def test_a_schedule_with_history_asks_for_confirmation(alice: User) -> None:
    schedule = create(alice)
    services.run_now(schedule, by=alice)

    with pytest.raises(NotPossible, match="has 1 executions"):
        services.delete_schedule(schedule, by=alice)

    schedule.refresh_from_db()
    assert schedule.enabled


def test_once_confirmed_it_is_archived_and_its_history_stays(alice: User) -> None:
    schedule = create(alice)
    execution = services.run_now(schedule, by=alice)

    assert not services.delete_schedule(schedule, by=alice, confirmed=True)

    schedule.refresh_from_db()
    assert schedule.archived_at == NOW
    assert (schedule.enabled, schedule.next_execution_at) == (False, None)
    assert not Schedule.objects.current().exists()
    assert Execution.objects.get() == execution
    assert events(schedule)[-1] == "schedule.archived"


def test_a_fire_that_is_due_is_skipped_when_its_schedule_is_archived(
    alice: User, clock: time_machine.Traveller
) -> None:
    schedule = due_since_five(alice)
    services.run_now(schedule, by=alice)
    clock.shift(timedelta(minutes=1))

    services.delete_schedule(schedule, by=alice, confirmed=True)

    execution = Execution.objects.get(expected_at=FIVE_AGO)
    assert execution.reason == "Archived as this fire was due."
    schedule.refresh_from_db()
    assert schedule.archived_at


@pytest.mark.parametrize(
    "do",
    [
        lambda schedule, by: services.change_schedule(schedule, by=by, name="New"),
        lambda schedule, by: services.pause_schedule(schedule, by=by, reason="Rain"),
        lambda schedule, by: services.resume_schedule(schedule, by=by),
        lambda schedule, by: services.run_now(schedule, by=by),
        lambda schedule, by: services.delete_schedule(schedule, by=by, confirmed=True),
    ],
)
def test_an_archived_schedule_stays_as_it_is(
    alice: User, do: Callable[[Schedule, User], object]
) -> None:
    schedule = make_schedule(owner=alice, type="manual")
    Schedule.objects.update(enabled=False, pause_reason="Archived.", archived_at=NOW)

    with pytest.raises(NotPossible, match="is archived; create a new schedule"):
        do(schedule, alice)
