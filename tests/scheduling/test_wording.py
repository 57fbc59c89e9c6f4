from __future__ import annotations

import pytest

from scheduling.cadence import Gap, Overlap
from scheduling.wording import clock_changes, words
from tests.scheduling.builders import utc

NOW = utc("2026-11-21")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "Every minute"),
        ("@hourly", "Every hour"),
        ("30 2 * * *", "At 02:30, every day"),
        ("0 7-19 * * *", "Every hour, between 07:00 and 19:59"),
        ("0 9-15/3 * * *", "Every 3 hours, between 09:00 and 15:59"),
        ("0 9 * * MON-FRI", "At 09:00, on Monday to Friday"),
        ("0 0 * * 0,6", "At 00:00, on Saturday and Sunday"),
        ("*/15 9-17 * * *", "Every 15 minutes, between 09:00 and 17:59"),
        ("0 0 13 * FRI", "At 00:00, on day 13 of the month or on Friday"),
        ("0 0 1-7 * */7", "At 00:00, on day 1 to 7 of the month, if that is also Sunday"),
        ("0 0 15,L * *", "At 00:00, on day 15 of the month and the last day of the month"),
        ("0 9 * * 1#1", "At 09:00, on the first Monday of the month"),
        ("0 0 1 1-3,7 *", "At 00:00, on day 1 of the month, in January to March and July"),
        ("*/7 * * * *", "At minutes 0, 7, 14 … 56 of every hour"),
        ("*/45 * * * *", "At minutes 0 and 45 of every hour"),
        ("*/20 * * * *", "Every 20 minutes"),
        ("3/40 9-17 * * FRI", "At minutes 3 and 43 of hours 9 to 17, on Friday"),
        ("0 */5 * * *", "At 00:00, 05:00, 10:00, 15:00 and 20:00, every day"),
        ("0,30 */9 * * *", "At minutes 0 and 30 of hours 0, 9 and 18"),
        ("* */16 * * *", "Every minute of hours 0 and 16"),
        ("0 0 */2 * *", "At 00:00, on day 1, 3, 5 … 31 of the month"),
    ],
)
def test_words(expression: str, expected: str) -> None:
    assert words(expression) == expected


@pytest.mark.parametrize(
    ("expression", "gap", "forward", "overlap", "back"),
    [
        ("30 2 * * *", "first_valid", "fires once, at 03:00.", "first", "the first time only."),
        ("30 2 * * *", "skip", "is left out.", "both", "fires both times."),
        ("*/15 * * * *", "first_valid", "left out in between.", "first", "fires both times."),
        ("30 5 * * *", "first_valid", "nothing is due in between.", "first", "that comes twice."),
        ("30 2 * * MON", "first_valid", "nothing is due in between.", "first", "that comes twice."),
    ],
)
def test_clock_changes_in_words(
    expression: str, gap: Gap, forward: str, overlap: Overlap, back: str
) -> None:
    first, second = clock_changes("Europe/Berlin", NOW)

    told = first.words(expression, gap=gap, overlap=overlap)
    assert told.startswith("On Sun 28 Mar 2027 clocks go forward from 02:00 to 03:00: ")
    assert told.endswith(forward)
    told = second.words(expression, gap=gap, overlap=overlap)
    assert told.startswith("On Sun 31 Oct 2027 clocks go back from 03:00 to 02:00: ")
    assert told.endswith(back)


def test_a_gap_at_midnight_is_told_by_the_date_it_falls_on() -> None:
    change = clock_changes("Asia/Beirut", NOW)[0]

    assert change.words("0 0 * * *", gap="first_valid", overlap="first") == (
        "On Sun 28 Mar 2027 clocks go forward from 00:00 to 01:00: "
        "what is due in between fires once, at 01:00."
    )


def test_a_zone_without_changes_has_none_to_tell() -> None:
    assert clock_changes("Asia/Kolkata", NOW) == []
