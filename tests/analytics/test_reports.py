from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from analytics import condition, findings, reports
from core import health
from core.health import warning
from operations import services
from operations.models import Budget, BudgetPeriod, ProviderState, Run, Usage
from preferences import services as preferences
from scheduling.models import NO_FURTHER_FIRE, Execution, Schedule
from tests.builders import make_user
from tests.scheduling.builders import make_schedule, utc

NOW = utc("2026-11-21 22:30")  # 23:30 in Berlin, 07:30 of the next day in Tokyo


@pytest.fixture(autouse=True)
def clock() -> Any:
    condition.forget()
    findings.forget()
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel
    condition.forget()
    findings.forget()


def make_usage(owner: User, hour: str, **counts: Any) -> Usage:
    fields = {"operation": "task-prioritize", "origin": Run.Origin.CRON, "runs": 1} | counts
    return Usage.objects.create(owner=owner, hour=utc(hour), **fields)


def make_run(owner: User, **fields: Any) -> Run:
    fields = {"operation": "task-prioritize", "origin": Run.Origin.CRON} | fields
    if fields.get("status") in Run.FINAL:
        fields.setdefault("finished_at", NOW)
    return Run.objects.create(owner=owner, **fields)


def make_fire(schedule: Schedule, status: str, *, at: datetime = NOW) -> Execution:
    run = make_run(schedule.owner, status=status)
    return Execution.objects.create(schedule=schedule, expected_at=at, triggered_by="cron", run=run)


def pause(schedule: Schedule, reason: str) -> None:
    schedule.enabled, schedule.pause_reason, schedule.next_execution_at = False, reason, None
    schedule.save()


# --- what has run ---------------------------------------------------------------------------------


def test_today_is_the_readers_day(db: None) -> None:
    in_tokyo = make_user("taro", zone="Asia/Tokyo")
    make_usage(in_tokyo, "2026-11-21 14:00", runs=5, succeeded=5)
    make_usage(in_tokyo, "2026-11-21 15:00", runs=3, succeeded=2, failed=1)

    found = reports.activity(in_tokyo, NOW)

    assert found.today == reports.Day(date(2026, 11, 22), runs=3, succeeded=2, failed=1)
    assert found.days[-2].runs == 5


def test_the_week_is_today_and_the_six_days_before(alice: User) -> None:
    make_usage(alice, "2026-11-14 23:00", runs=100, failed=100)
    make_usage(alice, "2026-11-15 00:00", runs=4, succeeded=3, failed=1)
    make_usage(alice, "2026-11-21 00:00", runs=4, succeeded=4)

    week = reports.activity(alice, NOW).week

    assert (week.day, week.runs, week.tried) == (date(2026, 11, 15), 8, 8)
    assert week.success == 7 / 8


def test_what_is_told_of_a_day_adds_up(alice: User) -> None:
    make_usage(alice, "2026-11-21 00:00", runs=36, succeeded=33, skipped=2)

    today = reports.activity(alice, NOW).today

    assert today.cancelled == 1
    assert today.untried == ", 2 skipped, 1 cancelled"


def test_success_of_nothing_is_not_known(alice: User) -> None:
    make_usage(alice, "2026-11-21 00:00", runs=2, skipped=2)

    found = reports.activity(alice, NOW)

    assert found.week.success is None
    assert found.success_by_day == []
    assert len(found.runs_by_day) == 14


# --- money ----------------------------------------------------------------------------------------


def test_without_a_budget_the_month_has_no_limit(alice: User) -> None:
    (month,) = reports.months(alice, NOW)

    assert (month.limit_usd, month.spent_usd, month.is_near) == (None, Decimal(0), False)
    assert month.resets_at == utc("2026-12-01")


@pytest.mark.parametrize(
    ("spent", "held", "is_near"), [("7.99", "0", False), ("7", "1", True), ("10", "0", True)]
)
def test_a_budget_is_near_its_limit_from_80_percent_on(
    alice: User, spent: str, held: str, *, is_near: bool
) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    BudgetPeriod.objects.create(
        budget=Budget.objects.get(), period="2026-11", spent_usd=spent, held_usd=held
    )

    (month,) = reports.months(alice, NOW)

    assert month.is_near is is_near


def test_last_months_spending_is_gone(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    BudgetPeriod.objects.create(budget=Budget.objects.get(), period="2026-10", spent_usd="10")

    (month,) = reports.months(alice, NOW)

    assert month.spent_usd == 0


def test_an_operations_limit_is_its_preference(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(2), operation="email-classify", by=alice)
    budget = Budget.objects.create(owner=alice, operation="email-classify", scope="operation")
    BudgetPeriod.objects.create(budget=budget, period="2026-11", spent_usd="1.7")

    _, month = reports.months(alice, NOW)

    assert (month.operation, month.limit_usd, month.is_near) == (
        "email-classify",
        Decimal(2),
        True,
    )


# --- how far, and what next -----------------------------------------------------------------------


def test_somebody_new_is_shown_the_first_steps(alice: User) -> None:
    found = reports.outlook(alice, NOW)

    assert found.next is None
    assert found.steps is not None
    assert found.steps.done == 0


def test_the_steps_follow_the_rows_and_end_with_the_last(alice: User) -> None:
    make_usage(alice, "2026-11-21 10:00", origin=Run.Origin.MANUAL)
    make_schedule(owner=alice, next_at=NOW + timedelta(hours=1))
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    before_it_fires = reports.outlook(alice, NOW).steps
    make_usage(alice, "2026-11-21 10:00", origin=Run.Origin.CRON)

    assert before_it_fires is not None
    assert before_it_fires.done == 3
    assert reports.outlook(alice, NOW).steps is None


def test_a_strangers_rows_are_no_step_of_mine(alice: User, bob: User) -> None:
    make_usage(bob, "2026-11-21 10:00", origin=Run.Origin.MANUAL)
    make_schedule(owner=bob, next_at=NOW + timedelta(hours=1))

    found = reports.outlook(alice, NOW)

    assert found.next is None
    assert found.steps is not None
    assert found.steps.done == 0


def test_hidden_steps_stay_hidden(alice: User) -> None:
    preferences.hide_checklist(owner=alice, now=NOW)

    assert reports.outlook(alice, NOW).steps is None


def test_the_next_fire_is_the_first_of_all(alice: User) -> None:
    make_schedule(owner=alice, next_at=NOW + timedelta(hours=2), name="Later")
    first = make_schedule(owner=alice, next_at=NOW + timedelta(hours=1), name="Sooner")

    found = reports.outlook(alice, NOW).next

    assert found == reports.Next(NOW + timedelta(hours=1), first.pk, "Sooner", is_overdue=False)


def test_a_fire_that_nobody_fired_is_overdue(alice: User) -> None:
    make_schedule(owner=alice, next_at=NOW - timedelta(minutes=1))

    found = reports.outlook(alice, NOW).next

    assert found is not None
    assert found.is_overdue


# --- what needs a person --------------------------------------------------------------------------


def told(user: User) -> list[str]:
    return [need.title for need in reports.overview(user, NOW).needs]


def test_a_failing_and_a_paused_schedule_need_a_person(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        failing = make_schedule(owner=owner, name=f"Failing of {owner}")
        make_fire(failing, Run.Status.SUCCESS, at=NOW - timedelta(hours=1))
        make_fire(failing, Run.Status.FAILED)
        make_fire(make_schedule(owner=owner, name="Fine"), Run.Status.SUCCESS)
        pause(make_schedule(owner=owner, name=f"Paused of {owner}"), NO_FURTHER_FIRE)
        pause(make_schedule(owner=owner, name="Rests by intent"), "The server moves.")

    needs = reports.overview(alice, NOW).needs

    assert [need.title for need in needs] == [
        "No worker is running",
        "“Failing of alice” is failing",
        "“Paused of alice” is paused",
    ]
    assert needs[-1].text == NO_FURTHER_FIRE


def test_more_than_five_of_a_kind_become_a_number(alice: User) -> None:
    for number in range(7):
        pause(make_schedule(owner=alice, name=f"No. {number}"), NO_FURTHER_FIRE)

    needs = reports.overview(alice, NOW).needs

    assert needs[-1].title == "2 more are paused"
    assert needs[-1].url == "/schedules/?state=paused"


def test_a_budget_that_is_used_up_needs_a_person(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    BudgetPeriod.objects.create(budget=Budget.objects.get(), period="2026-11", spent_usd=10)

    need = reports.overview(alice, NOW).needs[-1]

    assert (need.tone, need.title) == (
        "danger",
        "Everything together is at its limit: $10.00 of $10.00",
    )
    assert need.url == "/settings/budgets/#budget-total"


def test_a_budget_far_over_its_limit_is_told_in_dollars(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal("0.01"), by=alice)
    BudgetPeriod.objects.create(budget=Budget.objects.get(), period="2026-11", spent_usd=2)

    assert told(alice)[-1] == "Everything together is over its limit: $2.00 of $0.01"


def test_a_schedule_whose_runs_are_refused_needs_a_person(alice: User) -> None:
    schedule = make_schedule(owner=alice, name="Costly")
    make_fire(schedule, Run.Status.SUCCESS, at=NOW - timedelta(hours=1))
    make_fire(schedule, Run.Status.SKIPPED)
    Run.objects.filter(status=Run.Status.SKIPPED).update(reason="No room in the budget.")

    need = reports.overview(alice, NOW).needs[-1]

    assert (need.title, need.text) == ("“Costly” is refused", "No room in the budget.")


def test_an_operation_that_is_off_is_named_once_and_no_run_is_coming(alice: User) -> None:
    for name in ("Early", "Late"):
        make_schedule(owner=alice, name=name, next_at=NOW + timedelta(hours=1))
    off = {"task-prioritize": {"enabled": False}}
    services.save_preferences(owner=alice, changes=off, by=alice)

    found = reports.overview(alice, NOW)

    needs = [(need.title, need.text) for need in found.needs[1:]]
    assert needs == [
        (
            "The operation “Prioritise tasks” is switched off",
            "“Early”, “Late” start no runs.",
        )
    ]
    assert (found.outlook.next, found.coming.total) == (None, 0)


def test_a_paused_provider_is_told_with_its_sentence(alice: User, sam: User) -> None:
    ProviderState.objects.create(provider="openai", paused_reason="The key is refused (401).")

    mine, staffs = (
        next(need for need in reports.overview(user, NOW).needs if "OpenAI" in need.title)
        for user in (alice, sam)
    )

    assert mine.title == "OpenAI is paused until someone acts"
    assert mine.text == "The key is refused (401)."
    assert mine.url == ""
    assert staffs.url.startswith("/admin/")


def test_staff_are_told_what_the_checks_find(
    alice: User, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = {
        "cache": warning("The cache forgets.", mend="See REDIS_URL."),
        "engine": warning("Told by the condition.", mend=""),
        "clock": health.ok("One clock."),
    }
    looks = {
        name: health._Check(partial(replace, found), is_for_readiness=False)
        for name, found in checks.items()
    }
    monkeypatch.setattr(health, "_checks", looks)

    assert told(alice) == ["No worker is running"]
    assert told(sam) == ["No worker is running", "The cache forgets."]


# --- all of it ------------------------------------------------------------------------------------


def test_the_latest_ten_runs_are_mine(alice: User, bob: User, clock: Any) -> None:
    mine = []
    for _ in range(12):
        clock.shift(1)  # second: ids sort by their moment
        mine.append(make_run(alice).pk)
    make_run(bob)

    latest = reports.overview(alice, NOW).latest

    assert [row.run.pk for row in latest] == mine[:-11:-1]


def test_the_overview_takes_as_many_statements_however_many_rows(alice: User) -> None:
    counts = []
    for _ in range(2):
        for number in range(15):
            schedule = make_schedule(owner=alice, next_at=NOW + timedelta(hours=number + 1))
            make_fire(schedule, Run.Status.FAILED)
            pause(make_schedule(owner=alice), NO_FURTHER_FIRE)
        reports.overview(alice, timezone.now())  # the catalogue and the condition are known then
        with CaptureQueriesContext(connection) as queries:
            reports.overview(alice, timezone.now())
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] <= 8
