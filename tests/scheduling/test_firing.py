from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import AuditEvent
from operations.models import Run
from preferences import services as preferences
from scheduling import firing, services
from scheduling.firing import fire_due, release_settled, replan_outdated
from scheduling.models import Execution, Schedule
from scheduling.zones import tz_version
from tests.builders import make_user
from tests.scheduling.builders import OPERATION, TASKS, make_schedule, settle, utc

SIX = utc("2026-11-21 06:00")
SOON_AFTER = SIX + timedelta(milliseconds=200)


def test_a_due_schedule_starts_a_run(alice: User) -> None:
    schedule = make_schedule(owner=alice, next_at=SIX, priority=7)

    fire_due(SOON_AFTER)

    execution = Execution.objects.get(schedule=schedule)
    assert (execution.expected_at, execution.triggered_by) == (SIX, "cron")
    run = execution.run
    assert run is not None
    assert (run.owner, run.operation, run.status) == (alice, OPERATION, "pending")
    assert (run.origin, run.priority, run.parameters) == ("cron", 7, TASKS)
    assert run.created_at == SOON_AFTER


def test_firing_moves_the_schedule_on(alice: User) -> None:
    schedule = make_schedule(owner=alice, next_at=SIX)

    fire_due(SOON_AFTER)

    schedule.refresh_from_db()
    assert schedule.next_execution_at == SIX + timedelta(days=1)
    assert schedule.counted_from == SIX
    assert schedule.tz_version == tz_version()
    assert schedule.last_execution_at == SIX
    assert schedule.execution_count == 1
    assert schedule.running_execution == Execution.objects.get()
    assert schedule.running_since == SOON_AFTER


def test_nothing_near_costs_one_query(alice: User) -> None:
    make_schedule(owner=alice, next_at=SIX)

    with CaptureQueriesContext(connection) as queries:
        assert fire_due(SIX - timedelta(minutes=1)) is None

    assert len(queries) == 1


def test_the_very_next_fire_is_told_before_it_is_due(alice: User) -> None:
    make_schedule(owner=alice, next_at=SIX)

    assert fire_due(SIX - timedelta(milliseconds=200)) == SIX
    assert not Execution.objects.exists()


def test_what_is_paused_or_by_hand_does_not_fire(alice: User) -> None:
    make_schedule(owner=alice, type="manual")
    schedule = make_schedule(owner=alice, next_at=SIX)
    with time_machine.travel(SIX - timedelta(minutes=1)):
        services.pause_schedule(schedule, by=alice, reason="Holiday")

    assert fire_due(SOON_AFTER) is None

    assert not Execution.objects.exists()


def test_the_number_of_statements_does_not_grow(alice: User) -> None:
    def statements(count: int) -> int:
        for number in range(count):
            make_schedule(owner=alice, next_at=SIX, name=f"Schedule {number}")
        with CaptureQueriesContext(connection) as queries:
            fire_due(SOON_AFTER)
        return len(queries)

    preferences.lookup(alice.pk, OPERATION)  # into memory

    assert statements(3) == statements(30)


def test_default_parameters_of_the_owner_fill_in(alice: User) -> None:
    with transaction.atomic():
        preferences.save(
            owner=alice,
            changes={OPERATION: {"parameters": {"now": "2026-11-21T06:00:00+00:00", "tasks": []}}},
            by=alice,
            now=SIX,
        )
    make_schedule(owner=alice, next_at=SIX)

    fire_due(SOON_AFTER)

    assert Run.objects.get().parameters == {"now": "2026-11-21T06:00:00+00:00", **TASKS}


def test_an_operation_that_is_switched_off_is_skipped_with_its_reason(alice: User) -> None:
    with transaction.atomic():
        preferences.save(owner=alice, changes={OPERATION: {"enabled": False}}, by=alice, now=SIX)
    make_schedule(owner=alice, next_at=SIX)

    fire_due(SOON_AFTER)

    execution = Execution.objects.get()
    assert execution.status == "skipped"
    assert execution.reason == "task-prioritize is off in the preferences."
    assert not Run.objects.exists()


# --- overlap --------------------------------------------------------------------------------------


def test_a_second_run_is_skipped_once_while_the_first_goes_on(alice: User) -> None:
    schedule = make_schedule(owner=alice, expression="*/5 * * * *", next_at=SIX)
    fire_due(SIX)
    first = Execution.objects.get()

    fire_due(SIX + timedelta(minutes=5))
    fire_due(SIX + timedelta(minutes=5, seconds=1))

    (skipped,) = Execution.objects.exclude(pk=first.pk)
    assert skipped.status == "skipped"
    assert str(first.run_id) in skipped.reason
    schedule.refresh_from_db()
    assert schedule.running_execution == first
    assert schedule.last_execution_at == SIX
    assert schedule.execution_count == 1


@pytest.mark.parametrize("status", sorted(Run.FINAL))
def test_a_schedule_fires_again_once_its_run_has_ended(alice: User, status: str) -> None:
    make_schedule(owner=alice, expression="*/5 * * * *", next_at=SIX)
    fire_due(SIX)

    settle(Run.objects.get(), SIX + timedelta(minutes=1), status)
    fire_due(SIX + timedelta(minutes=5))

    assert Run.objects.count() == 2


def test_a_run_silent_for_an_hour_no_longer_blocks(alice: User) -> None:
    make_schedule(owner=alice, expression="0 * * * *", next_at=SIX)
    fire_due(SIX)

    fire_due(SIX + timedelta(hours=1))
    fire_due(SIX + timedelta(hours=2))

    statuses = list(Execution.objects.order_by("expected_at").values_list("run__status", flat=True))
    assert statuses == ["pending", None, "pending"]


def test_the_late_end_of_an_old_run_does_not_release_a_newer_one(alice: User) -> None:
    schedule = make_schedule(owner=alice, expression="0 */2 * * *", next_at=SIX)
    fire_due(SIX)
    fire_due(SIX + timedelta(hours=2))
    old, new = Execution.objects.order_by("expected_at")
    assert old.run

    settle(old.run, SIX + timedelta(hours=3))

    schedule.refresh_from_db()
    assert schedule.running_execution == new


def test_runs_of_other_origins_cost_the_settling_transaction_nothing(alice: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        release_settled([], SIX)

    assert len(queries) == 0


# --- missed fires ---------------------------------------------------------------------------------


def test_after_downtime_the_latest_fire_runs_and_the_others_share_one_row(alice: User) -> None:
    schedule = make_schedule(owner=alice, expression="0 * * * *", next_at=SIX)

    fire_due(utc("2026-11-21 09:30"))

    missed, latest = Execution.objects.order_by("expected_at")
    assert (missed.status, missed.expected_at) == ("skipped", SIX)
    assert "3 fires, from 2026-11-21 06:00 UTC to 2026-11-21 08:00 UTC" in missed.reason
    assert (latest.status, latest.expected_at) == ("pending", utc("2026-11-21 09:00"))
    schedule.refresh_from_db()
    assert schedule.next_execution_at == utc("2026-11-21 10:00")
    assert Run.objects.count() == 1


def test_a_long_tick_stops_and_asks_to_be_called_again_at_once(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 2)
    monkeypatch.setattr(firing, "LONGEST_TICK_S", 0.0)
    for number in range(3):
        make_schedule(owner=alice, next_at=SIX, name=f"Schedule {number}")

    needed = fire_due(SOON_AFTER)

    assert needed == SIX
    assert Execution.objects.count() == 2
    fire_due(SOON_AFTER)
    assert Execution.objects.count() == 3


# --- rows that cannot go on -----------------------------------------------------------------------


def test_a_broken_row_is_paused_and_the_others_fire(alice: User) -> None:
    broken = make_schedule(owner=alice, expression="nonsense", next_at=SIX)
    sound = make_schedule(owner=alice, next_at=SIX)

    fire_due(SOON_AFTER)

    broken.refresh_from_db()
    assert not broken.enabled
    assert broken.next_execution_at is None
    assert "cannot be computed: expression: “nonsense”" in broken.pause_reason
    event = AuditEvent.objects.about(broken).get()
    assert (event.action, event.actor) == ("schedule.paused", None)
    assert Execution.objects.get().schedule == sound


def test_a_zone_that_is_gone_pauses_its_schedule(alice: User) -> None:
    schedule = make_schedule(owner=alice, zone="Atlantis/Capital", next_at=SIX)

    fire_due(SOON_AFTER)

    schedule.refresh_from_db()
    assert "time zone: “Atlantis/Capital”" in schedule.pause_reason


def test_the_last_fire_runs_and_pauses_the_schedule(alice: User) -> None:
    leap_sunday = utc("2032-02-29")
    schedule = make_schedule(owner=alice, expression="0 0 29 2 */7", next_at=leap_sunday)

    fire_due(leap_sunday)

    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_execution_at) == (False, None)
    assert schedule.pause_reason == "It has no further fire in the coming years."
    assert schedule.execution_count == 1
    assert Run.objects.count() == 1


# --- one fire -------------------------------------------------------------------------------------


def test_an_expected_fire_that_has_an_execution_starts_nothing(alice: User) -> None:
    schedule = make_schedule(owner=alice, next_at=SIX)
    Execution.objects.create(
        schedule=schedule, expected_at=SIX, triggered_by="cron", reason="Dealt with."
    )

    fire_due(SOON_AFTER)

    assert Execution.objects.count() == 1
    assert not Run.objects.exists()
    schedule.refresh_from_db()
    assert schedule.next_execution_at == SIX + timedelta(days=1)
    assert schedule.running_execution is None


@pytest.mark.django_db(transaction=True)
def test_two_loops_give_one_execution_for_each_expected_fire() -> None:
    owner = make_user("carol")
    for number in range(60):
        make_schedule(owner=owner, expression="* * * * *", next_at=SIX, name=f"Schedule {number}")
    moments = [SIX + timedelta(minutes=minute) for minute in range(4)]
    begin = threading.Barrier(2)
    errors: list[BaseException] = []

    def loop() -> None:
        try:
            for moment in moments:
                begin.wait(timeout=20)
                fire_due(moment)
        except BaseException as error:  # noqa: BLE001  told by the test below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for moment in moments:  # what the one loop had locked while the other looked
        fire_due(moment)

    assert not errors
    assert Execution.objects.count() == 60 * len(moments)
    assert Run.objects.count() == 60  # the later ones wait for the first to end
    assert Execution.objects.values("schedule", "expected_at").distinct().count() == 240


# --- another tz database --------------------------------------------------------------------------


def test_next_fires_of_another_tz_database_are_recomputed(alice: User) -> None:
    schedule = make_schedule(
        owner=alice, expression="0 6 * * *", zone="Europe/Berlin", next_at=utc("2026-11-22 04:00")
    )
    Schedule.objects.update(counted_from=utc("2026-11-21 05:00"))

    assert replan_outdated(utc("2026-11-21 12:00")) == 1

    schedule.refresh_from_db()
    assert schedule.next_execution_at == utc("2026-11-22 05:00")
    assert schedule.tz_version == tz_version()


def test_a_fire_that_new_rules_put_into_the_past_is_due_at_once(alice: User) -> None:
    schedule = make_schedule(owner=alice, next_at=utc("2026-11-22 09:00"))
    Schedule.objects.update(counted_from=utc("2026-11-21 06:00"))
    now = utc("2026-11-22 07:00")

    replan_outdated(now)
    fire_due(now)

    assert Execution.objects.get(schedule=schedule).expected_at == utc("2026-11-22 06:00")


@pytest.mark.parametrize(
    ("version", "now"), [(tz_version(), "2026-11-21 05:00"), ("other", "2026-11-21 06:00")]
)
def test_next_fires_that_are_current_or_due_stay(alice: User, version: str, now: str) -> None:
    make_schedule(owner=alice, next_at=SIX, tz_version=version)

    assert replan_outdated(utc(now)) == 0


def test_a_row_that_cannot_be_recomputed_is_paused(alice: User) -> None:
    schedule = make_schedule(owner=alice, expression="nonsense", next_at=SIX)

    replan_outdated(SIX - timedelta(hours=1))

    schedule.refresh_from_db()
    assert not schedule.enabled
    assert AuditEvent.objects.about(schedule).filter(action="schedule.paused").exists()
