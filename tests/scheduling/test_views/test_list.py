from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from operations import services as operations
from operations.models import Run, Usage
from scheduling import reports
from scheduling.filters import Counts
from scheduling.models import OPERATION_OFF, Schedule
from tests.scheduling.builders import make_schedule
from tests.scheduling.test_views.kit import (
    HOSTILE,
    LIST,
    asking_for,
    count_queries,
    is_page,
    make_execution,
    page_of,
    text_of,
)


def ago(**length: int) -> datetime:
    return timezone.now() - timedelta(**length)


def shown(client: Client, query: str = "") -> list[str]:
    return [row.schedule.name for row in client.get(f"{LIST}{query}").context["rows"]]


def paused(owner: User, name: str, reason: str = "Month is over.") -> Schedule:
    schedule = make_schedule(owner=owner, name=name, type="manual")
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, pause_reason=reason)
    return schedule


def test_a_row_tells_what_runs_when_and_how_it_does(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(
        owner=alice, name="Tickets", next_at=timezone.now() + timedelta(hours=3, minutes=1)
    )
    make_execution(schedule, at=ago(hours=3), cost_usd=Decimal("0.25"), latency_ms=1_000)
    make_execution(schedule, at=ago(hours=2), cost_usd=Decimal("0.75"), latency_ms=3_000)

    said = text_of(as_alice.get(LIST))

    for words in ("Tickets", "At 06:00, every day", "Prioritise tasks", "Healthy", "in 3 hours"):
        assert words in said
    assert "100% · 2.0 s avg" in said
    assert "$0.50" in said  # the mean of both


def test_nothing_yet_says_what_to_do(as_alice: Client) -> None:
    said = text_of(as_alice.get(LIST))

    assert "No schedules yet" in said
    assert "No runs in the next 24 hours" in as_alice.get(LIST).content.decode()


def test_another_persons_schedules_are_not_there(alice: User, bob: User, as_bob: Client) -> None:
    make_schedule(owner=alice, name="Alices own")

    assert "Alices own" not in text_of(as_bob.get(LIST))


def test_an_archived_schedule_has_left_the_list(alice: User, as_alice: Client) -> None:
    schedule = paused(alice, "Gone")
    Schedule.objects.filter(pk=schedule.pk).update(archived_at=timezone.now())

    assert shown(as_alice) == []


def test_the_head_states_the_facts(alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, next_at=timezone.now() + timedelta(minutes=4, seconds=30))
    paused(alice, "Off")

    said = text_of(as_alice.get(LIST))

    assert "1 active, 1 paused. Next run in 4 minutes . Times in UTC." in said


def test_markup_in_names_and_reasons_is_text(alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, name=HOSTILE)
    paused(alice, "Off", reason=HOSTILE)

    page = as_alice.get(LIST).content.decode()

    assert page.count(escape(HOSTILE)) >= 2
    assert "<script>alert" not in page


def test_a_paused_row_says_why(alice: User, as_alice: Client) -> None:
    paused(alice, "Off", reason="Waiting for the new key.")

    said = text_of(as_alice.get(LIST))

    assert "Paused" in said
    assert "Not scheduled Waiting for the new key." in said


# --- states ---------------------------------------------------------------------------------------


def test_one_rule_says_what_fails_in_badge_filter_and_count(alice: User, as_alice: Client) -> None:
    failing = make_schedule(owner=alice, name="Failing")
    make_execution(failing, at=ago(hours=5))
    make_execution(failing, at=ago(hours=4), status=Run.Status.FAILED)
    make_execution(failing, at=ago(hours=3), status="skipped")
    make_execution(failing, at=ago(hours=2), status=Run.Status.CANCELLED)
    recovered = make_schedule(owner=alice, name="Recovered")
    make_execution(recovered, at=ago(hours=5), status=Run.Status.FAILED)
    make_execution(recovered, at=ago(hours=4))
    off = paused(alice, "Off")
    make_execution(off, status=Run.Status.FAILED)

    response = as_alice.get(LIST)

    states = {row.schedule.name: row.state.label for row in response.context["rows"]}
    assert states == {"Failing": "Failing", "Recovered": "Healthy", "Off": "Paused"}
    assert shown(as_alice, "?state=failing") == ["Failing"]
    assert response.context["filter"].counts == with_next(all=3, active=2, failing=1, paused=1)


def test_an_operation_that_is_off_is_said_and_its_runs_are_not_counted(
    alice: User, as_alice: Client
) -> None:
    schedule = make_schedule(owner=alice, next_at=timezone.now() + timedelta(minutes=1))
    make_execution(schedule)
    off = {schedule.operation: {"enabled": False}}
    operations.save_preferences(owner=alice, changes=off, by=alice)

    response = as_alice.get(LIST)

    (row,) = response.context["rows"]
    assert row.state == reports.SWITCHED_OFF
    assert response.context["coming"].total == 0
    said = text_of(response)
    assert "No runs: the operation is off Operation settings" in said
    assert "No run is planned" in said
    assert "It starts no runs" in text_of(as_alice.get(page_of(schedule)))


@pytest.mark.parametrize("has_run", [True, False])
def test_a_refused_fire_shows_with_its_reason(
    alice: User,
    as_alice: Client,
    has_run: bool,  # noqa: FBT001
) -> None:
    schedule = make_schedule(owner=alice)
    make_execution(schedule, at=ago(hours=3))
    reason = "No room in the budget." if has_run else f"{schedule.operation}{OPERATION_OFF}"
    refused = make_execution(schedule, at=ago(hours=2), status="skipped", reason=reason)
    if has_run:
        refused.run = Run.objects.create(
            owner=alice,
            operation=schedule.operation,
            origin="cron",
            status=Run.Status.SKIPPED,
            reason=reason,
            finished_at=ago(hours=2),
        )
        refused.reason = ""
        refused.save()
    make_execution(schedule, at=ago(hours=1), status="skipped")  # met a run under way

    response = as_alice.get(LIST)

    (row,) = response.context["rows"]
    assert row.state == reports.REFUSED
    assert row.recent.label == "Last 3 runs: none failed, 2 skipped, latest skipped"
    assert reason in text_of(response)
    assert reason in text_of(as_alice.get(page_of(schedule)))


def test_a_fire_that_nobody_took_up_is_due_since_then(alice: User, as_alice: Client) -> None:
    at = ago(minutes=2)
    schedule = make_schedule(owner=alice, next_at=at)

    said, one = text_of(as_alice.get(LIST)), text_of(as_alice.get(page_of(schedule)))

    assert f"Due since {at:%H:%M} No worker is running" in said
    assert "A run is due since" in said
    assert "no worker is running" in one


def with_next(**counts: int) -> Counts:
    next_at = Schedule.objects.planned().order_by("next_execution_at").first()
    return Counts(**counts, next_at=next_at.next_execution_at if next_at else None)


def test_a_failure_twenty_fires_ago_is_history(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice)
    make_execution(schedule, at=ago(days=2), status=Run.Status.FAILED)
    for hours in range(1, 21):
        make_execution(schedule, at=ago(hours=hours), status="skipped")

    (row,) = as_alice.get(LIST).context["rows"]

    assert row.state == reports.READY
    assert len(row.recent.bars) == 20


def test_a_run_under_way_shows(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice)
    execution = make_execution(schedule, status=Run.Status.RUNNING)
    Schedule.objects.filter(pk=schedule.pk).update(
        running_execution=execution, running_since=execution.expected_at
    )

    (row,) = as_alice.get(LIST).context["rows"]

    assert row.state == reports.RUNNING
    assert row.recent.label == "Last run: none failed, latest running"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?state=active", ["On"]),
        ("?state=paused", ["Off"]),
        ("?state=nonsense", ["Off", "On"]),
        ("?q=of", ["Off"]),
        ("?q=%25", []),
        ("?q=%00on", ["On"]),
        ("?q=on&state=paused", []),
        ("?cursor=next~nonsense", ["Off", "On"]),
    ],
)
def test_filters(alice: User, as_alice: Client, query: str, names: list[str]) -> None:
    make_schedule(owner=alice, name="On")
    paused(alice, "Off")

    assert shown(as_alice, query) == names


@pytest.mark.parametrize("target", ["main", "schedule-facts"])
def test_what_is_no_part_of_the_page_gets_all_of_it(as_alice: Client, target: str) -> None:
    response = as_alice.get(LIST, headers={"HX-Request": "true", "HX-Target": target})

    assert response.status_code == 200
    assert "<h1>Schedules</h1>" in response.content.decode()


def test_counts_follow_the_name(alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, name="Mail")
    make_schedule(owner=alice, name="Tasks")

    chosen = as_alice.get(f"{LIST}?q=mail").context["filter"]

    assert chosen.named_counts == Counts(all=1, active=1, failing=0, paused=0)
    assert chosen.counts.all == 2


def test_htmx_gets_the_list_and_the_counts_beside_it(alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, name="Mail")

    response = as_alice.get(f"{LIST}?q=zzz", headers=asking_for("schedule-list"))

    page = response.content.decode()
    assert page.lstrip().startswith('<section class="panel panel--flush schedules"')
    assert '<span id="count-all" hx-swap-oob="true">0</span>' in page
    assert "No schedule fits" in page


def test_the_address_alone_gives_the_whole_page(as_alice: Client) -> None:
    assert is_page(as_alice.get(f"{LIST}?state=active"))


def test_long_lists_page_by_key(alice: User, as_alice: Client) -> None:
    for number in range(27):
        make_schedule(owner=alice, name=f"S{number:02}")

    first = as_alice.get(LIST)
    later = as_alice.get(f"{LIST}?cursor={first.context['filter'].page.next_cursor}")

    names = [row.schedule.name for row in (*first.context["rows"], *later.context["rows"])]
    assert names == [f"S{number:02}" for number in reversed(range(27))]
    assert 'data-live="schedules"' in first.content.decode()
    assert 'data-live="schedules' not in later.content.decode()


def test_more_rows_cost_no_more_queries(alice: User, as_alice: Client) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            schedule = make_schedule(owner=alice)
            make_execution(schedule, at=ago(hours=2))
            make_execution(schedule, at=ago(hours=1), status="skipped")

    add(3)
    few = count_queries(as_alice, LIST)
    add(27)

    assert count_queries(as_alice, LIST) == few <= 12


def test_posting_to_the_list_is_refused(as_alice: Client) -> None:
    assert as_alice.post(LIST).status_code == 405


# --- the strip above ------------------------------------------------------------------------------


def test_the_figures_above(alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, expression="*/30 * * * *")
    make_schedule(owner=alice, expression="*/30 * * * *")
    paused(alice, "Off")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for origin, cost in (("cron", 3), ("command", 5)):
        Usage.objects.create(
            owner=alice,
            hour=hour,
            operation="task-prioritize",
            origin=origin,
            runs=4,
            succeeded=3,
            failed=1,
            cost_usd=Decimal(cost),
        )

    context = as_alice.get(LIST).context

    assert context["coming"].total == 96
    assert set(context["coming"].counts) == {2}
    assert context["figures"].success == 0.75
    assert context["figures"].cost_usd == Decimal(3)
