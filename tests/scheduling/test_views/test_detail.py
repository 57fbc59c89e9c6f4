from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from core.ids import uuid7
from operations.models import Run
from scheduling import filters, reports
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import make_schedule, utc
from tests.scheduling.test_views.kit import (
    HOSTILE,
    asking_for,
    count_queries,
    make_execution,
    page_of,
    text_of,
)

ALL = ["running", "cancelled", "skipped", "skipped", "failed", "success"]
NOW = utc("2026-11-22 10:00")


@pytest.fixture
def schedule(alice: User) -> Schedule:
    return make_schedule(owner=alice, name="Morning tasks", zone="Asia/Tokyo")


def at(hours: float) -> datetime:
    return timezone.now() - timedelta(hours=hours)


def listed(client: Client, schedule: Schedule, query: str = "") -> list[str]:
    page = client.get(f"{page_of(schedule)}{query}").context["filter"].page
    return [execution.status for execution in page.rows]


def test_facts_and_executions_stand_there(schedule: Schedule, as_alice: Client) -> None:
    ran = make_execution(schedule, at=at(3), cost_usd=Decimal("0.123"))
    make_execution(schedule, at=at(2), status="skipped", reason="The run before had not ended.")
    make_execution(schedule, at=at(1), status=Run.Status.FAILED, error="The key was refused.")

    response = as_alice.get(page_of(schedule))

    said = text_of(response)
    for words in (
        "Failing",
        "At 06:00, every day, Asia/Tokyo",
        "0 6 * * *",
        "Prioritise tasks",
        "5 of 10",
        "Pay the rent",
        "$0.12",
        "The run before had not ended.",
        "The key was refused.",
        "50% succeeded",
    ):
        assert words in said
    assert f'href="/runs/{ran.run_id}/"' in response.content.decode()


def test_nothing_yet(schedule: Schedule, as_alice: Client) -> None:
    said = text_of(as_alice.get(page_of(schedule)))

    assert "No runs yet" in said
    assert "No result yet" in said


def test_the_head_has_the_readers_clock_and_the_facts_name_the_schedules(
    alice: User, as_alice: Client
) -> None:
    with time_machine.travel(NOW, tick=False):
        schedule = make_schedule(owner=alice, zone="Asia/Tokyo", next_at=utc("2026-11-22 21:00"))
        said = text_of(as_alice.get(page_of(schedule)))

    assert "Next run in 11 hours , Sun 22 Nov, 21:00 in UTC." in said
    assert "Tue 24 Nov, 06:00" in said
    assert "by the clocks of Asia/Tokyo" in said


def test_a_paused_one_says_why_and_lets_it_be_said_better(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, type="manual", name=HOSTILE, parameters={"a": HOSTILE})
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, pause_reason=HOSTILE)

    page = as_alice.get(page_of(schedule)).content.decode()

    assert f'name="reason" value="{escape(HOSTILE)}"' in page
    assert "<script>alert" not in page


def test_a_deleted_one_keeps_its_page_and_loses_its_buttons(
    schedule: Schedule, as_alice: Client
) -> None:
    make_execution(schedule)
    as_alice.post(page_of(schedule, "delete"), {"name": "Morning tasks"})

    response = as_alice.get(page_of(schedule))

    assert "It never fires again" in text_of(response)
    assert "Run now" not in text_of(response)


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("", ALL),
        ("?status=success", ["success"]),
        ("?status=failed", ["failed"]),
        ("?status=skipped", ["skipped", "skipped"]),
        ("?status=cancelled", ["cancelled"]),
        ("?status=open", ["running"]),
        ("?trigger=manual", ["running"]),
        ("?status=success&trigger=manual", []),
        (
            "?status=nonsense&trigger=x",
            ["running", "cancelled", "skipped", "skipped", "failed", "success"],
        ),
    ],
)
def test_filters(schedule: Schedule, as_alice: Client, query: str, statuses: list[str]) -> None:
    make_execution(schedule, at=at(6))
    make_execution(schedule, at=at(5), status=Run.Status.FAILED)
    make_execution(schedule, at=at(4), status="skipped")
    make_execution(schedule, at=at(3), status=Run.Status.SKIPPED)
    make_execution(schedule, at=at(2), status=Run.Status.CANCELLED)
    make_execution(schedule, at=at(1), status=Run.Status.RUNNING, trigger="manual")

    assert listed(as_alice, schedule, query) == statuses


def test_no_execution_fits(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule)

    response = as_alice.get(
        f"{page_of(schedule)}?status=failed", headers=asking_for("execution-list")
    )

    assert "No run fits" in text_of(response)
    assert response.content.lstrip().startswith(b"<section")


def test_a_filter_looks_through_so_many_and_says_so(
    schedule: Schedule, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SEARCHED", 2)
    make_execution(schedule, at=at(3), status=Run.Status.FAILED)
    make_execution(schedule, at=at(2))
    make_execution(schedule, at=at(1))

    response = as_alice.get(f"{page_of(schedule)}?status=failed")

    assert response.context["filter"].page.rows == []
    assert "Sums and the list reach back to" in text_of(response)
    assert len(listed(as_alice, schedule)) == 3


def test_long_histories_page_by_key(schedule: Schedule, as_alice: Client) -> None:
    for hours in range(1, 54):
        make_execution(schedule, at=at(hours), status="skipped")

    first = as_alice.get(page_of(schedule)).context["filter"].page
    later = as_alice.get(f"{page_of(schedule)}?cursor={first.next_cursor}").context["filter"].page

    keys = [execution.pk for execution in (*first.rows, *later.rows)]
    newest = Execution.objects.order_by("-expected_at").values_list("pk", flat=True)
    assert keys == list(newest)


def test_the_month_is_summed_in_the_readers_zone(alice: User, as_alice: Client) -> None:
    User.objects.filter(pk=alice.pk).update(zone="Pacific/Auckland")
    schedule = make_schedule(owner=alice)
    with time_machine.travel(utc("2026-11-10 00:00"), tick=False):
        make_execution(schedule, at=utc("2026-10-31 10:59"))  # still October there
        make_execution(schedule, at=utc("2026-10-31 11:00"), cost_usd=Decimal(2))
        make_execution(schedule, at=utc("2026-11-05 00:00"), cost_usd=None)
        make_execution(schedule, at=utc("2026-11-06 00:00"), status=Run.Status.FAILED)
        make_execution(schedule, at=utc("2026-11-07 00:00"), status="skipped")

        totals = as_alice.get(page_of(schedule)).context["totals"]

    assert (totals.runs, totals.succeeded, totals.failed, totals.skipped) == (3, 2, 1, 1)
    assert totals.cost_usd == Decimal("2.5")
    assert totals.unknown_cost == 1
    assert totals.is_whole


def test_a_month_of_too_many_is_summed_from_where_it_says(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_TOTALLED", 2)
    with time_machine.travel(utc("2026-11-10 00:00"), tick=False):
        for day in (5, 6, 7):
            make_execution(schedule, at=utc(f"2026-11-0{day} 00:00"))

        totals = reports.totals_of(schedule, "UTC", timezone.now())

    assert (totals.runs, totals.since, totals.is_whole) == (2, utc("2026-11-06 00:00"), False)


def test_more_executions_cost_no_more_queries(schedule: Schedule, as_alice: Client) -> None:
    for hours in range(1, 4):
        make_execution(schedule, at=at(hours))
    few = count_queries(as_alice, page_of(schedule))
    for hours in range(4, 31):
        make_execution(schedule, at=at(hours))

    assert count_queries(as_alice, page_of(schedule)) == few <= 12


def test_a_stranger_finds_nothing(schedule: Schedule, as_bob: Client) -> None:
    assert as_bob.get(page_of(schedule)).status_code == 404
    assert as_bob.get(f"/schedules/{uuid7()}/").status_code == 404


def test_posting_is_refused(schedule: Schedule, as_alice: Client) -> None:
    assert as_alice.post(page_of(schedule)).status_code == 405
