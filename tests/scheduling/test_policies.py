from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.policies import Busy, Cadence, Expected, decide, expected, only
from tests.scheduling.builders import utc

DAILY = Cadence("0 6 * * *", "Europe/Berlin", "first_valid", "first")
MINUTELY = Cadence("* * * * *", "UTC", "first_valid", "first")
SIX = utc("2026-11-21 05:00")  # in Berlin


def busy(since: str = "2026-11-21 04:30") -> Busy:
    return Busy(expected_at=utc("2026-11-20 05:00"), run_id="run-1", since=utc(since))


def test_a_fire_on_time_is_the_only_one() -> None:
    fires = expected(DAILY, SIX, SIX + timedelta(milliseconds=200))

    assert fires == Expected(SIX, SIX, None, 0, utc("2026-11-22 05:00"))


@pytest.mark.parametrize(
    ("now", "missed", "latest"),
    [
        ("2026-11-22 04:59", 0, "2026-11-21 05:00"),
        ("2026-11-22 05:00", 1, "2026-11-22 05:00"),
        ("2026-11-24 12:00", 3, "2026-11-24 05:00"),
    ],
)
def test_missed_fires_are_counted(now: str, missed: int, latest: str) -> None:
    fires = expected(DAILY, SIX, utc(now))

    assert (fires.missed, fires.latest) == (missed, utc(latest))


def test_years_of_missed_minutes_are_bounded() -> None:
    fires = expected(MINUTELY, utc("2020-01-01"), utc("2026-11-21 10:00:30"))

    assert fires.latest == utc("2026-11-21 10:00")
    assert fires.next == utc("2026-11-21 10:01")
    assert fires.missed == 101


def test_the_latest_missed_fire_runs_and_the_others_share_one_reason() -> None:
    fires = expected(DAILY, SIX, utc("2026-11-24 12:00"))

    missed, latest = decide(fires, now=utc("2026-11-24 12:00"), zone="Europe/Berlin")

    assert missed.expected_at == SIX
    assert missed.reason == (
        "Missed: no worker took up 3 fires, from 2026-11-21 06:00 Europe/Berlin "
        "to 2026-11-23 06:00 Europe/Berlin, in time; "
        "only the latest, 2026-11-24 06:00 Europe/Berlin, was."
    )
    assert latest.expected_at == utc("2026-11-24 05:00")
    assert latest.is_fire


def test_one_missed_fire_says_so() -> None:
    fires = expected(DAILY, SIX, utc("2026-11-22 12:00"))

    missed, _ = decide(fires, now=utc("2026-11-22 12:00"), zone="UTC")

    assert missed.reason.startswith("Missed: no worker took this fire up in time")


def test_too_many_to_count_are_told_as_more() -> None:
    fires = expected(MINUTELY, utc("2026-01-01"), utc("2026-11-21"))

    missed, _ = decide(fires, now=utc("2026-11-21"), zone="UTC")

    assert "more than 100 fires, from 2026-01-01 00:00 UTC on" in missed.reason


def test_a_run_that_has_not_ended_keeps_the_next_away() -> None:
    (decision,) = decide(only(SIX), now=SIX, zone="UTC", busy=busy())

    assert decision.reason == (
        "The run of 2026-11-20 05:00 UTC (run-1) had not ended; "
        "runs of one schedule do not overlap."
    )


@pytest.mark.parametrize(
    ("since", "is_fire"), [("2026-11-21 04:00:00", False), ("2026-11-21 03:59:59", True)]
)
def test_a_run_silent_for_more_than_an_hour_no_longer_blocks(since: str, is_fire: bool) -> None:  # noqa: FBT001
    (decision,) = decide(only(SIX), now=SIX, zone="UTC", busy=busy(since))

    assert decision.is_fire is is_fire


def test_a_refusal_goes_before_a_run_that_has_not_ended() -> None:
    (decision,) = decide(only(SIX), now=SIX, zone="UTC", busy=busy(), refusal="Switched off.")

    assert decision.reason == "Switched off."
