from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from core.periods import period_of


def test_a_period_is_of_whole_days_on_the_readers_clocks() -> None:
    with timezone.override("Asia/Tokyo"):
        period = period_of({"from": "2026-11-21", "to": "2026-11-22"})

        assert period.begins_at == datetime(2026, 11, 20, 15, tzinfo=UTC)
        assert period.ends_before == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert period.query == {"from": "2026-11-21", "to": "2026-11-22"}
    assert not period.problems


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    with timezone.override("Europe/Berlin"):
        period = period_of({"from": "2026-10-25", "to": "2026-10-25"})

        assert period.begins_at is not None
        assert period.ends_before is not None
        length = period.ends_before.astimezone(UTC) - period.begins_at.astimezone(UTC)
    assert length.total_seconds() == 25 * 3600


@pytest.mark.parametrize("text", ["yesterday", "9999-12-31", "0001-01-01", "2026-13-01", "\0"])
def test_what_is_no_date_is_told(text: str) -> None:
    period = period_of({"from": text})

    assert period.first is None
    assert not period
    assert "is no date, such as 2026-11-22." in period.problems["from"]


def test_a_period_that_ends_before_it_begins_is_told() -> None:
    period = period_of({"from": "2026-11-22", "to": "2026-11-21"})

    assert period.problems == {"to": "The period ends before it begins."}
    assert period.last == date(2026, 11, 21)


def test_nothing_is_open() -> None:
    period = period_of({"from": " ", "x": "y"})

    assert (period.begins_at, period.ends_before, period.query) == (None, None, {})
