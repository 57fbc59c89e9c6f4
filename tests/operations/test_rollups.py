from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from operations import rollups
from operations.models import Usage
from operations.rollups import Tally

pytestmark = pytest.mark.django_db

CENT = Decimal("0.01")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def tally(owner: User, at: datetime, **given: Any) -> Tally:
    usual: dict[str, Any] = {"operation": "task-breakdown", "model": "gpt", "cost_usd": CENT}
    given = {"runs": 1, **usual, **given}
    return Tally(owner_id=owner.pk, at=at, provider="openai", origin="cron", **given)


def book_at(owner: User, *moments: str) -> None:
    rollups.book(tally(owner, datetime.fromisoformat(moment)) for moment in moments)


def runs_by_day(owner: User, days: int, now: datetime, zone: str) -> dict[date, int]:
    return {each.day: each.runs for each in rollups.daily(owner.pk, days, now, zone=zone)}


def test_runs_of_one_hour_share_a_row_within_and_between_bookings(alice: User) -> None:
    at = NOON.replace(minute=59, second=59)

    rollups.book([tally(alice, NOON, input_tokens=3), tally(alice, at, failed=1)])
    rollups.book([tally(alice, NOON.replace(minute=30), latency_ms=40, timed=1)])

    row = Usage.objects.get()
    assert (row.hour, row.runs, row.failed, row.cost_usd) == (NOON, 3, 1, 3 * CENT)
    assert (row.input_tokens, row.latency_ms, row.timed) == (3, 40, 1)


def test_each_owner_model_and_hour_has_a_row(alice: User, bob: User) -> None:
    later = NOON.replace(hour=13)

    rollups.book(
        [tally(alice, NOON), tally(bob, NOON), tally(alice, NOON, model="x"), tally(alice, later)]
    )

    assert list(Usage.objects.values_list("runs", flat=True)) == [1, 1, 1, 1]


def test_a_correction_lowers_what_was_counted(alice: User) -> None:
    rollups.book([tally(alice, NOON, unknown_cost=1, cost_usd=Decimal(0))])

    rollups.book([tally(alice, NOON, runs=0, unknown_cost=-1, cost_usd=CENT)])

    row = Usage.objects.get()
    assert (row.runs, row.unknown_cost, row.cost_usd) == (1, 0, CENT)


def test_nothing_is_booked_for_nothing(alice: User) -> None:
    rollups.book([])

    assert not Usage.objects.exists()


def test_days_are_the_readers_and_those_of_others_are_not_told(alice: User, bob: User) -> None:
    book_at(alice, "2026-11-20T22:59Z", "2026-11-20T23:00Z", "2026-11-21T12:00Z")
    book_at(bob, "2026-11-21T12:00Z")

    told = runs_by_day(alice, 2, NOON, "Europe/Berlin")

    assert told == {date(2026, 11, 20): 1, date(2026, 11, 21): 2}


def test_days_before_the_first_are_left_out(alice: User) -> None:
    book_at(alice, "2026-11-19T23:59Z", "2026-11-20T00:00Z")

    assert runs_by_day(alice, 2, NOON, "UTC") == {date(2026, 11, 20): 1}


def test_an_hour_that_midnight_cuts_is_counted_to_the_day_it_begins_in(alice: User) -> None:
    # Midnight in Kolkata is 18:30 UTC: the hour from 18:00 begins at 23:30 of the day before.
    book_at(alice, "2026-11-20T18:29Z", "2026-11-20T18:31Z", "2026-11-20T19:00Z")

    told = runs_by_day(alice, 2, NOON, "Asia/Kolkata")

    assert told == {date(2026, 11, 20): 2, date(2026, 11, 21): 1}


def test_the_cut_hour_before_the_first_day_is_left_out(alice: User) -> None:
    book_at(alice, "2026-11-20T18:31Z", "2026-11-20T19:00Z")

    assert runs_by_day(alice, 1, NOON, "Asia/Kolkata") == {date(2026, 11, 21): 1}


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-03-29T20:00+00:00", 23), ("2026-10-25T20:00+00:00", 25)],
)
def test_a_day_on_which_clocks_change_has_all_its_hours(alice: User, now: str, hours: int) -> None:
    moment = datetime.fromisoformat(now)
    start = {23: "2026-03-28T23:00Z", 25: "2026-10-24T22:00Z"}[hours]
    first = datetime.fromisoformat(start).timestamp()
    for hour in range(-1, hours + 1):
        rollups.book([tally(alice, datetime.fromtimestamp(first + 3600 * hour, UTC))])

    told = runs_by_day(alice, 2, moment, "Europe/Berlin")

    assert told[moment.date()] == hours


def test_sums_of_a_day_are_told_by_operation_and_model(alice: User) -> None:
    rollups.book(
        [
            tally(alice, NOON, succeeded=1, output_tokens=5),
            tally(alice, NOON.replace(hour=11), skipped=1, output_tokens=2),
            tally(alice, NOON, operation="email-classify"),
        ]
    )

    emails, tasks = rollups.daily(alice.pk, 1, NOON)

    assert (emails.operation, emails.runs) == ("email-classify", 1)
    assert (tasks.runs, tasks.succeeded, tasks.skipped, tasks.output_tokens) == (2, 1, 1, 7)
    assert tasks.cost_usd == 2 * CENT
