from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from core import exporting
from operations.models import Run
from scheduling import exports, filters
from scheduling.models import Schedule
from tests.conftest import signed_in
from tests.scheduling.builders import make_schedule, utc
from tests.scheduling.test_views.kit import (
    HOSTILE,
    asking_for,
    count_queries,
    make_execution,
    page_of,
    text_of,
)

NOW = utc("2026-11-22 10:00")


@pytest.fixture
def schedule(alice: User) -> Schedule:
    return make_schedule(owner=alice, name="Nightly triage")


@pytest.fixture
def history(schedule: Schedule) -> Schedule:
    """Give it a fire of each kind, a day apart, the latest on 20 November."""
    day = utc("2026-11-20 06:00")
    for number, status in enumerate(["success", "failed", "skipped", "cancelled", "running"]):
        trigger = "manual" if status == "failed" else "cron"
        make_execution(schedule, at=day - timedelta(days=number), status=status, trigger=trigger)
    return schedule


def export(client: Client, schedule: Schedule, query: str = "") -> Any:
    return client.get(f"{page_of(schedule, 'executions')}{query}")


def rows(response: Any) -> list[dict[str, str]]:
    text = response.getvalue().decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_what_each_execution_came_to(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice)
    done = make_execution(schedule, at=utc("2026-11-20 06:00"), cost_usd=Decimal("0.0123"))
    make_execution(schedule, at=utc("2026-11-19 06:00"), status="skipped", reason="=1+1")

    response = export(as_alice, schedule)

    first, second = rows(response)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert first == {
        "id": str(done.pk),
        "status": "success",
        "triggered_by": "cron",
        "expected_at": "2026-11-20T06:00:00Z",
        "started_at": "2026-11-20T06:00:00Z",
        "finished_at": "2026-11-20T06:00:03Z",
        "duration_ms": "2000",
        "cost_usd": first["cost_usd"],
        "reason": "",
        "run": str(done.run_id),
    }
    assert Decimal(first["cost_usd"]) == Decimal("0.0123")
    assert (second["status"], second["reason"], second["run"]) == ("skipped", "'=1+1", "")


def test_json_has_the_same(history: Schedule, as_alice: Client) -> None:
    told = json.loads(export(as_alice, history, "?format=json").getvalue())

    assert [row["status"] for row in told] == [
        *("success", "failed", "skipped", "cancelled", "running")
    ]
    assert list(told[0]) == list(exports.COLUMNS)
    assert told[2]["run"] is None


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("?status=failed", ["failed"]),
        ("?trigger=manual", ["failed"]),
        ("?trigger=manual&status=success", []),
        ("?from=2026-11-19", ["success", "failed"]),
        ("?to=2026-11-17", ["cancelled", "running"]),
        ("?from=2026-11-18&to=2026-11-18", ["skipped"]),
        ("?from=2026-11-18&to=2026-11-19&status=failed", ["failed"]),
    ],
)
def test_a_file_has_what_the_page_shows(
    history: Schedule, as_alice: Client, query: str, statuses: list[str]
) -> None:
    shown = as_alice.get(f"{page_of(history)}{query}")

    assert [row["status"] for row in rows(export(as_alice, history, query))] == statuses
    assert [row.status for row in shown.context["filter"].page.rows] == statuses
    assert shown.context["sums"].executions == len(statuses)


def test_days_are_the_readers(schedule: Schedule, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(zone="Asia/Tokyo")
    client = signed_in(User.objects.get(pk=alice.pk))
    for hour in (14, 16):  # Tokyo's midnight is 15:00 UTC
        make_execution(schedule, at=utc(f"2026-11-21 {hour}:00"), status="skipped")

    (row,) = rows(export(client, schedule, "?from=2026-11-22"))

    assert row["expected_at"] == "2026-11-21T16:00:00Z"


def test_a_file_has_all_in_constant_pages(
    schedule: Schedule, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SEARCHED", 3)
    for hours in range(7):
        make_execution(schedule, at=NOW - timedelta(hours=hours), status="skipped")
    pages = [len(page) for page in exporting.pages_of(schedule.executions.all(), size=3)]

    assert pages == [3, 3, 1]
    assert len(rows(export(as_alice, schedule, "?status=skipped"))) == 7


def test_more_rows_of_a_page_cost_no_more_queries(history: Schedule, as_alice: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert export(as_alice, history).getvalue()
        return len(found)

    few = min(queries() for _ in range(2))
    for number in range(30):
        make_execution(history, at=NOW - timedelta(minutes=number))

    assert queries() == few <= 5


def test_a_file_is_named_after_its_schedule(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, name=f"../{HOSTILE}\r\nX: y")

    with time_machine.travel(NOW, tick=False):
        response = export(as_alice, schedule, "?format=json")

    assert response["Content-Disposition"] == (
        'attachment; filename="scriptalert1scriptamp-7-x-y-executions-2026-11-22.json"'
    )
    assert response.getvalue() == b"[]\n"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?from=yesterday", "“yesterday” is no date"),
        ("?from=2026-11-22&to=2026-11-21", "The period ends before it begins."),
        ("?status=sucess", "There is no status “sucess”."),
        ("?trigger=%00", "There is no trigger"),
    ],
)
def test_what_cannot_be_read_is_no_file_of_everything(
    history: Schedule, as_alice: Client, query: str, told: str
) -> None:
    response = export(as_alice, history, query)

    assert response.status_code == 409
    assert told in text_of(response)


def test_another_format_is_not_there(history: Schedule, as_alice: Client) -> None:
    assert export(as_alice, history, "?format=xlsx").status_code == 404


def test_a_stranger_gets_nothing(history: Schedule, as_bob: Client, as_sam: Client) -> None:
    assert export(as_bob, history).status_code == 404
    assert export(as_sam, history).status_code == 404


def test_only_a_get_is_answered(history: Schedule, as_alice: Client) -> None:
    assert as_alice.post(page_of(history, "executions")).status_code == 405


# --- what the page says of it ---------------------------------------------------------------------


def test_the_page_sums_up_what_it_shows(history: Schedule, as_alice: Client) -> None:
    said = text_of(as_alice.get(page_of(history)))
    narrowed = text_of(as_alice.get(f"{page_of(history)}?status=failed"))

    assert "5 · 1 succeeded · 1 failed · 1 skipped · 1 cancelled · 1 running · $1.50" in said
    assert "1 · 1 failed · $0.50" in narrowed


def test_unknown_costs_are_told_beside_the_sum(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule, cost_usd=None)

    assert "$0.00 + 1 of unknown cost" in text_of(as_alice.get(page_of(schedule)))


def test_sums_say_how_far_back_they_reach(
    schedule: Schedule, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "SEARCHED", 2)
    for day in (18, 19, 20):
        make_execution(schedule, at=utc(f"2026-11-{day} 06:00"))

    whole = as_alice.get(page_of(schedule))
    earlier = as_alice.get(f"{page_of(schedule)}?to=2026-11-19&status=success")

    assert "Sums reach back to Thu 19 Nov, 06:00" in text_of(whole)
    assert "2 since Thu 19 Nov, 06:00 · 2 succeeded" in text_of(whole)
    assert whole.context["sums"].executions == 2
    assert len(whole.context["filter"].page.rows) == 3  # the list without a filter has all
    assert "reach back" not in text_of(earlier)
    assert earlier.context["sums"].executions == 2


def test_links_keep_the_filters(history: Schedule, as_alice: Client) -> None:
    response = as_alice.get(
        f"{page_of(history)}?status=failed&from=2026-11-01&cursor=x&next=1",
        headers=asking_for("execution-list"),
    )

    address = f"{page_of(history, 'executions')}?status=failed&from=2026-11-01&format="
    for kind in ("csv", "json"):
        assert f'href="{escape(address)}{kind}" download' in response.content.decode()
    live = f"executions?id={history.pk}&status=failed&from=2026-11-01"
    assert "data-live" not in response.content.decode()  # a later page stands still
    first = as_alice.get(f"{page_of(history)}?status=failed&from=2026-11-01")
    assert f'data-live="{escape(live)}"' in first.content.decode()


def test_a_day_that_is_none_is_told_in_place(history: Schedule, as_alice: Client) -> None:
    response = as_alice.get(f"{page_of(history)}?from=%3Cb%3E")

    page = response.content.decode()
    assert "“&lt;b&gt;” is no date, such as 2026-11-22." in page
    assert 'id="filter-from" value="" aria-invalid="true"' in page
    assert "export-csv" not in page
    assert "executions?id=" not in page  # a live part would not know the problem
    assert response.status_code == 200


def test_sums_cost_no_more_queries(history: Schedule, as_alice: Client) -> None:
    few = count_queries(as_alice, f"{page_of(history)}?status=success&from=2026-11-01")
    for number in range(30):
        make_execution(
            history, at=timezone.now() - timedelta(minutes=number), status=Run.Status.SUCCESS
        )

    assert (
        count_queries(as_alice, f"{page_of(history)}?status=success&from=2026-11-01") == few <= 12
    )
