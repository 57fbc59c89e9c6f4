from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter  # type: ignore[import-untyped]  # no stubs in our tree
from cronsim import CronSim
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scheduling.cadence import (
    LONGEST_EXPRESSION,
    Gap,
    InvalidCron,
    Overlap,
    next_after,
    normalise,
    upcoming,
)

NOW = datetime(2026, 11, 21, 10, 3, 20, tzinfo=UTC)  # a Saturday


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walls(expression: str, zone: str, after: str, count: int, **policy: str) -> list[str]:
    """Return the next fires as the clocks of the zone show them."""
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    fires = upcoming(expression, zone, start, count, **policy)  # type: ignore[arg-type]
    return [fire.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z") for fire in fires]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "2026-11-21 10:04"),
        ("*/15 * * * *", "2026-11-21 10:15"),
        ("5-5 * * * *", "2026-11-21 10:05"),
        ("5/20 * * * *", "2026-11-21 10:05"),
        ("50,10 * * * *", "2026-11-21 10:10"),
        ("0 9 * * *", "2026-11-22 09:00"),
        ("00 09 * * *", "2026-11-22 09:00"),
        ("0 0-4/2 * * *", "2026-11-22 00:00"),
        ("0 9 * * 1-5", "2026-11-23 09:00"),
        ("0 9 * * MON-FRI", "2026-11-23 09:00"),
        ("0 9 * * mon", "2026-11-23 09:00"),
        ("0 9 * * 0", "2026-11-22 09:00"),
        ("0 9 * * 7", "2026-11-22 09:00"),
        ("0 9 * * FRI-SUN", "2026-11-22 09:00"),
        ("0 9 * * SUN-MON", "2026-11-22 09:00"),
        ("0 9 * * 1#1", "2026-12-07 09:00"),
        ("0 9 * * SUN#5", "2026-11-29 09:00"),
        ("0 9 L * *", "2026-11-30 09:00"),
        ("0 9 15,L * *", "2026-11-30 09:00"),
        ("0 0 L 2 *", "2027-02-28 00:00"),
        ("0 0 1 jan *", "2027-01-01 00:00"),
        ("0 0 31 * *", "2026-12-31 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("  0\t0   1 1 *\n", "2027-01-01 00:00"),
        ("@hourly", "2026-11-21 11:00"),
        ("@daily", "2026-11-22 00:00"),
        ("@Midnight", "2026-11-22 00:00"),
        ("@weekly", "2026-11-22 00:00"),
        ("@monthly", "2026-12-01 00:00"),
        ("@yearly", "2027-01-01 00:00"),
        ("@annually", "2027-01-01 00:00"),
        # Day of month and day of week: either, but both where one starts with a star.
        ("0 0 13 * FRI", "2026-11-27 00:00"),
        ("0 0 1 * TUE", "2026-11-24 00:00"),
        ("0 0 */2 * MON", "2026-11-23 00:00"),
        ("0 0 1-7 * */7", "2026-12-06 00:00"),
        ("0 0 30 2 MON", "2027-02-01 00:00"),
    ],
)
def test_next_fire(expression: str, expected: str) -> None:
    assert next_after(expression, "UTC", NOW) == utc(expected)


@pytest.mark.parametrize(
    ("expression", "field", "part"),
    [
        ("60 * * * *", "minute", "60"),
        ("*/0 * * * *", "minute", "*/0"),
        ("*/90 * * * *", "minute", "*/90"),
        ("59-1 * * * *", "minute", "59-1"),
        ("1,,2 * * * *", "minute", "“”"),
        ("1, * * * *", "minute", "“”"),
        ("1- * * * *", "minute", "1-"),
        ("-1 * * * *", "minute", "-1"),
        ("*-5 * * * *", "minute", "*-5"),
        ("1-2-3 * * * *", "minute", "1-2-3"),
        ("1/1/1/1 * * * *", "minute", "1/1/1/1"),
        ("*/ * * * *", "minute", "*/"),
        ("** * * * *", "minute", "**"),
        ("1.5 * * * *", "minute", "1.5"),
        ("+5 * * * *", "minute", "+5"),
        ("1_0 * * * *", "minute", "1_0"),
        ("MON * * * *", "minute", "MON"),
        ("\u0661 * * * *", "minute", "“\u0661” is not written in the plain digits 0 to 9"),
        ("\x00 * * * *", "minute", r"\x00"),
        ("0 24 * * *", "hour", "24"),
        ("0 R * * *", "hour", "R"),
        ("R R * * *", "hour", "R"),
        ("0 0 0 * *", "day of month", "0"),
        ("0 0 32 * *", "day of month", "32"),
        ("0 0 ? * *", "day of month", "?"),
        ("0 0 LW * *", "day of month", "LW"),
        ("0 0 L-3 * *", "day of month", "L-3"),
        ("0 0 30 2 *", "day of month", "30"),
        ("0 0 31 4,6 *", "day of month", "31"),
        ("0 0 */31 * 1#2", "day of month", "*/31"),
        ("0 0 * 13 *", "month", "13"),
        ("0 0 * L *", "month", "L"),
        ("0 0 * JANUARY *", "month", "JANUARY"),
        ("0 0 * * 8", "day of week", "8"),
        ("0 0 * * 5L", "day of week", "5L"),
        ("0 0 * * L", "day of week", "L"),
        ("0 0 * * FRI-MON", "day of week", "FRI-MON"),
        ("0 0 * * 5-0", "day of week", "5-0"),
        ("0 0 * * 1#6", "day of week", "1#6"),
        ("0 0 * * 1#", "day of week", "1#"),
        ("0 0 * * 1-5#2", "day of week", "1-5#2"),
        ("0 0 * * *\x00", "day of week", r"*\x00"),
        ("0 0 * * \u017fUN", "day of week", "“\u017fUN” is not understood"),
        ("", "expression", "“”"),
        ("5-5", "expression", "5-5"),
        ("* * * *", "expression", "* * * *"),
        ("* * * * * *", "expression", "* * * * * *"),
        ("0\u00a00 * * *", "expression", r"0\xa00"),
        ("@reboot", "expression", "@reboot"),
        ("@daily 5", "expression", "@daily 5"),
        ("@", "expression", "@"),
        ("1" * 100_000, "expression", "longer than 100 characters"),
        ("* " * 50_000, "expression", "longer than 100 characters"),
    ],
)
def test_refused_with_field_and_part(expression: str, field: str, part: str) -> None:
    with pytest.raises(InvalidCron) as refusal:
        next_after(expression, "UTC", NOW)

    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field}: “")
    assert part in str(refusal.value)
    assert len(str(refusal.value)) < 300
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 0 30 2 *", "“30” never comes in month 2; choose another day."),
        ("0 0 */31 * 1#2", "“*/31” never comes on day of week 1#2; choose another day."),
    ],
)
def test_what_never_comes_is_told_without_what_is_open(expression: str, said: str) -> None:
    with pytest.raises(InvalidCron, match=re.escape(f"day of month: {said}")):
        next_after(expression, "UTC", NOW)


@pytest.mark.parametrize(
    "zone", ["Nowhere/Town", "Europe", "", "../etc/passwd", "\x00", "A" * 5000]
)
def test_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidCron, match=r"^time zone: "):
        next_after("0 9 * * *", zone, NOW)


def test_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_after("0 9 * * *", "UTC", datetime(2026, 1, 1))  # noqa: DTZ001


def test_none_when_nothing_comes_within_nine_years() -> None:
    sunday_leap_day = "0 0 29 2 */7"

    assert next_after(sunday_leap_day, "UTC", NOW) == utc("2032-02-29")
    assert next_after(sunday_leap_day, "UTC", utc("2032-02-29")) is None


@pytest.mark.parametrize("moment", ["9998-12-31 23:59", "9999-06-01", "9999-12-31 23:59"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Apia", "America/New_York"])
def test_none_when_the_calendar_ends(moment: str, zone: str) -> None:
    assert next_after("0 12 31 12 *", zone, utc(moment)) is None


@pytest.mark.parametrize("policy", [{"gap": "later"}, {"overlap": "last"}])
def test_an_unknown_policy_is_refused(policy: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="gap is one of"):
        next_after("0 9 * * *", "UTC", NOW, **policy)  # type: ignore[arg-type]


def test_leap_day_is_found_across_2100() -> None:
    assert next_after("0 0 29 2 *", "UTC", utc("2096-02-29")) == utc("2104-02-29")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("  @daily ", "0 0 * * *"),
        ("*/5  9-17\t* jan mon-fri", "*/5 9-17 * JAN MON-FRI"),
        ("0 0 l * *", "0 0 L * *"),
    ],
)
def test_normalised(expression: str, expected: str) -> None:
    assert normalise(expression) == expected


# Berlin: 28 March 2027, 02:00 becomes 03:00; 31 October 2027, 03:00 becomes 02:00.
@pytest.mark.parametrize(
    ("expression", "policy", "expected"),
    [
        ("30 2 * * *", {}, ["28 03:00 +0200", "29 02:30 +0200"]),
        ("30 2 * * *", {"gap": "skip"}, ["29 02:30 +0200", "30 02:30 +0200"]),
        ("15,45 2 * * *", {}, ["28 03:00 +0200", "29 02:15 +0200"]),
        ("0 2,3 * * *", {}, ["28 03:00 +0200", "29 02:00 +0200"]),
        ("30 2 28 3 *", {}, ["28 03:00 +0200", "28 02:30 +0200"]),
        ("*/30 2 * * *", {}, ["29 02:00 +0200", "29 02:30 +0200"]),
        ("30 * * * *", {}, ["28 00:30 +0100", "28 01:30 +0100", "28 03:30 +0200"]),
    ],
)
def test_gap(expression: str, policy: dict[str, str], expected: list[str]) -> None:
    assert (
        walls(expression, "Europe/Berlin", "2027-03-27 23:59", len(expected), **policy) == expected
    )


@pytest.mark.parametrize(
    ("expression", "policy", "expected"),
    [
        ("30 2 * * *", {}, ["31 02:30 +0200", "01 02:30 +0100"]),
        ("30 2 * * *", {"overlap": "both"}, ["31 02:30 +0200", "31 02:30 +0100"]),
        ("0 2,3 * * *", {}, ["31 02:00 +0200", "31 03:00 +0100"]),
        (
            "0,30 2 * * *",
            {"overlap": "both"},
            ["31 02:00 +0200", "31 02:30 +0200", "31 02:00 +0100"],
        ),
        ("*/30 2 * * *", {}, ["31 02:00 +0200", "31 02:30 +0200", "31 02:00 +0100"]),
        (
            "30 * * * *",
            {},
            ["31 00:30 +0200", "31 01:30 +0200", "31 02:30 +0200", "31 02:30 +0100"],
        ),
    ],
)
def test_fold(expression: str, policy: dict[str, str], expected: list[str]) -> None:
    assert (
        walls(expression, "Europe/Berlin", "2027-10-30 23:59", len(expected), **policy) == expected
    )


@pytest.mark.parametrize(
    ("zone", "after", "expression", "expected"),
    [
        # Clocks that jump at midnight: the day begins at 01:00.
        ("Asia/Beirut", "2026-03-28 12:00", "0 0 * * *", ["29 01:00 +0300", "30 00:00 +0300"]),
        ("Africa/Cairo", "2026-04-23 12:00", "30 0 * * *", ["24 01:00 +0300", "25 00:30 +0300"]),
        # Half an hour, half past.
        ("Australia/Lord_Howe", "2026-10-03 12:00", "15 2 * * *", ["04 02:30 +1100"]),
        # Two hours.
        ("Antarctica/Troll", "2026-03-28 12:00", "15 1,2 * * *", ["29 03:00 +0200"]),
        # A whole day left out.
        ("Pacific/Apia", "2011-12-29 12:00", "0 9 * * *", ["31 00:00 +1400", "31 09:00 +1400"]),
        ("Pacific/Apia", "2011-12-29 12:00", "0 9 30 12 *", ["31 00:00 +1400"]),
        ("Pacific/Apia", "2011-12-29 22:30", "0 * * * *", ["29 23:00 -1000", "31 00:00 +1400"]),
        (
            "Pacific/Kwajalein",
            "1993-08-20 12:00",
            "0 9 * * *",
            ["22 00:00 +1200", "22 09:00 +1200"],
        ),
        # Nearly a whole day twice.
        (
            "Pacific/Kwajalein",
            "1969-09-30 08:00",
            "0 9 * * *",
            ["30 09:00 +1100", "01 09:00 -1200"],
        ),
        # Clocks set back from 00:01 to 23:01 of the day before.
        (
            "America/St_Johns",
            "2010-11-06 23:40",
            "*/10 0,23 * * *",
            ["06 23:50 -0230", "07 00:00 -0230", "06 23:10 -0330", "06 23:20 -0330"],
        ),
        (
            "America/St_Johns",
            "2010-11-06 23:40",
            "0,45 0,23 * * *",
            ["06 23:45 -0230", "07 00:00 -0230", "07 00:45 -0330", "07 23:00 -0330"],
        ),
    ],
)
def test_unusual_changes(zone: str, after: str, expression: str, expected: list[str]) -> None:
    assert walls(expression, zone, after, len(expected)) == expected


def test_a_gap_may_be_skipped_where_a_day_is_left_out() -> None:
    fires = walls("0 9 * * *", "Pacific/Apia", "2011-12-29 12:00", 2, gap="skip")

    assert fires == ["31 09:00 +1400", "01 09:00 +1400"]


# --- properties -----------------------------------------------------------------------------------

SPANS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "Asia/Beirut",
        "Africa/Cairo",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
        "Asia/Kathmandu",
        "Antarctica/Troll",
        "America/Havana",
        "Asia/Tehran",
        "Europe/Dublin",
        "America/Nuuk",
    ]
)
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def fields(draw: st.DrawFn, name: str) -> str:
    low, high = SPANS[name]
    step = st.integers(1, high - low + 1)
    if draw(st.booleans()):
        return draw(st.just("*") | st.builds("*/{}".format, step))
    one = st.integers(low, high).map(str)
    # Both libraries below misread 5-5, so ranges have two ends here; the table above has 5-5.
    starts = st.integers(low, high - 1)
    ranges = starts.flatmap(lambda start: st.integers(start + 1, high).map(f"{start}-{{}}".format))
    elements = one | ranges | st.builds("{}/{}".format, ranges, step)
    return ",".join(draw(st.lists(elements, min_size=1, max_size=3)))


EXPRESSIONS = st.builds(" ".join, st.tuples(*(fields(name) for name in SPANS)))


def read(name: str, text: str) -> set[int]:
    """Return a field's values: a reader of our own tests' small dialect, apart from the parser."""
    low, high = SPANS[name]
    chosen = set()
    for element in text.replace("*", f"{low}-{high}").split(","):
        body, _, step = element.partition("/")
        first, _, last = body.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return chosen


def shows(expression: str, wall: datetime) -> bool:
    texts = dict(zip(SPANS, expression.split(), strict=True))
    minute, hour, day, month, weekday = (read(name, texts[name]) for name in SPANS)
    in_month, in_week = wall.day in day, wall.isoweekday() % 7 in weekday
    starred = texts["day"].startswith("*") or texts["weekday"].startswith("*")
    days = (in_month and in_week) if starred else (in_month or in_week)
    return days and wall.minute in minute and wall.hour in hour and wall.month in month


def next_or_assume(expression: str, zone: str, after: datetime, **policy: str) -> datetime:
    try:
        fire = next_after(expression, zone, after, **policy)  # type: ignore[arg-type]
    except InvalidCron as refusal:
        assert "never comes" in str(refusal)  # noqa: PT017
        fire = None
    assume(fire is not None)
    assert fire
    return fire


@given(EXPRESSIONS, ZONES, MOMENTS, st.sampled_from(["first", "both"]))
@example("30 2 * * *", "Europe/Berlin", utc("2027-10-31 00:30"), "both")
def test_fire_is_later_and_shown_by_the_clock(
    expression: str, zone: str, after: datetime, overlap: Overlap
) -> None:
    fire = next_or_assume(expression, zone, after, gap="skip", overlap=overlap)

    assert fire > after
    assert fire.utcoffset() == timedelta(0)
    assert shows(expression, fire.astimezone(ZoneInfo(zone)).replace(tzinfo=None))


@given(EXPRESSIONS, ZONES, MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=3)))
def test_a_later_question_has_no_earlier_answer(
    expression: str, zone: str, after: datetime, wait: timedelta
) -> None:
    first = next_or_assume(expression, zone, after)
    second = next_or_assume(expression, zone, after + wait)

    assert second == first if after + wait < first else second > first


@given(EXPRESSIONS, ZONES, MOMENTS, st.sampled_from(["first_valid", "skip"]))
def test_fires_come_in_order_and_none_lies_between(
    expression: str, zone: str, after: datetime, gap: Gap
) -> None:
    fires = [after, *upcoming_or_assume(expression, zone, after, gap)]

    for earlier, later in pairwise(fires):
        middle = earlier + (later - earlier) / 2
        assert next_after(expression, zone, middle, gap=gap) == later


def upcoming_or_assume(expression: str, zone: str, after: datetime, gap: Gap) -> list[datetime]:
    next_or_assume(expression, zone, after, gap=gap)
    return upcoming(expression, zone, after, 5, gap=gap)


@given(EXPRESSIONS, MOMENTS)
def test_agrees_with_cronsim_in_utc(expression: str, after: datetime) -> None:
    fire = next_or_assume(expression, "UTC", after)

    assert fire == next(CronSim(expression, after))


@given(EXPRESSIONS, MOMENTS)
def test_agrees_with_croniter_in_utc(expression: str, after: datetime) -> None:
    _, _, day, _, weekday = expression.split()
    # croniter takes */2 for a restricted field and matches either; Debian's cron and we, both.
    assume(day == "*" or weekday == "*" or not (day + weekday).count("*"))
    fire = next_or_assume(expression, "UTC", after)

    assert fire == croniter(expression, after).get_next(datetime)


@given(
    st.text(max_size=LONGEST_EXPRESSION + 5)
    | st.from_regex(r"[0-9*,/L#-]{1,12}( [0-9*,/L#-]{1,6}){4}")
)
def test_any_text_is_answered_or_refused(expression: str) -> None:
    try:
        fire = next_after(expression, "Europe/Berlin", NOW)
    except InvalidCron as refusal:
        assert str(refusal).isprintable()  # noqa: PT017
    else:
        assert fire is None or fire > NOW
