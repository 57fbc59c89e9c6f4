from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from operations.parameters import (
    Clock,
    Moment,
    Parameters,
    Period,
    Result,
    Shown,
    Zone,
    is_reversed,
    parsed,
)
from operations.prompting import lines
from operations.registry import Operation, register
from providers.local import slots

if TYPE_CHECKING:
    from accounts.models import User

LONGEST_WINDOW = timedelta(days=366)
SHOWN = 200  # busy times in a prompt; the rules read all of them
ONE_DAY = timedelta(days=1)  # more than any two zones differ


def _forwards(period: Period) -> Period:
    if is_reversed(period.start, period.end):
        raise ValueError("must not end before it starts")
    return period


def _searchable(window: Period) -> Period:
    start, end = _utc(window.start), _utc(window.end)
    if end - start > LONGEST_WINDOW:
        raise ValueError("must be at most 366 days long")
    return _forwards(window)


def _utc(moment: str) -> datetime:
    """Return the moment within a day: exact where it states its offset."""
    value = parsed(moment)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Weekday = Annotated[int, Field(ge=1, le=7), Shown(choices=tuple(enumerate(WEEKDAYS, start=1)))]


class WorkingHours(Parameters):
    start: Clock = "09:00"
    end: Clock = "17:00"
    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = [1, 2, 3, 4, 5]


class FindTime(Parameters):
    duration_minutes: Annotated[
        int, Field(ge=5, le=1_440, title="Minutes", description="From 5 to a whole day.")
    ]
    window: Annotated[
        Period,
        AfterValidator(_searchable),
        Field(description="When the meeting may lie, up to 366 days."),
    ]
    busy: Annotated[
        list[Annotated[Period, AfterValidator(_forwards)]],
        Field(max_length=2_000, description="What is taken already."),
    ] = []
    timezone: Zone | None = None
    working_hours: Annotated[
        WorkingHours, Field(description="When a meeting may lie on a day.")
    ] = WorkingHours()
    count: Annotated[int, Field(ge=1, le=20, title="Slots", description="How many to offer.")] = 3
    now: Annotated[
        Moment | None, Field(title="Not before", description="The present, if empty.")
    ] = None


class Slot(Result):
    start: Annotated[Moment, Field(description="With its offset, in the time zone asked for.")]
    end: Moment
    score: Annotated[float, Field(ge=0, le=100)]
    reason: Annotated[str, Field(max_length=500)]


class Slots(Result):
    slots: list[Slot]
    note: Annotated[
        str, Field(max_length=1_000, description="Why there are fewer than asked for, or empty.")
    ] = ""


def prompt(given: FindTime) -> str:
    first, last = _utc(given.window.start) - ONE_DAY, _utc(given.window.end) + ONE_DAY * 2
    near = [
        busy for busy in given.busy if _utc(busy.end) + ONE_DAY > first and _utc(busy.start) < last
    ]
    taken = [f"{busy.start} to {busy.end}" for busy in sorted(near, key=lambda b: _utc(b.start))]
    hours = given.working_hours
    about = lines(
        minutes=given.duration_minutes,
        window=f"{given.window.start} to {given.window.end}",
        time_zone=given.timezone or "UTC",
        working_hours=f"{hours.start} to {hours.end} on ISO weekdays {hours.days}",
        slots_wanted=given.count,
        now=given.now,
    )
    cut_off = (
        f"\nOnly the first {SHOWN} are listed: offer nothing after the last of them."
        if len(taken) > SHOWN
        else ""
    )
    return f"{about}\n\nBusy:\n" + ("\n".join(taken[:SHOWN]) or "nothing") + cut_off


def gather(owner: User, given: FindTime, now: datetime) -> FindTime:
    zone = given.timezone or owner.zone
    moment = given.now or now.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return given.model_copy(update={"timezone": zone, "now": moment})


register(
    Operation(
        slug="calendar-time",
        title="Find a time",
        kind="calendar",
        tier="cheap",
        help="Finds free slots for a meeting between what is taken, and says why each is good.",
        parameters=FindTime,
        result=Slots,
        instructions=(
            "You find free times for a meeting. Offer at most the number of slots wanted, best "
            "first. A slot lasts exactly the minutes asked for, lies inside the window and the "
            "working hours, overlaps no busy time and no other slot, and does not begin before "
            "now. A date alone as a start is the start of that day, as an end it is the end of "
            "that day; a moment without offset is wall-clock time in the time zone. Write start "
            "and end in ISO 8601 with the offset of that zone on that day. Score 0 to 100: prefer "
            "mornings, room before and after, and different days. The reason has at most twelve "
            "words. If there are fewer slots than wanted, say why in note."
        ),
        prompt=prompt,
        output_tokens=lambda given: 120 + 110 * given.count,
        rules=slots.find,
        gather=gather,
        example={
            "duration_minutes": 45,
            "window": {"start": "2030-11-25", "end": "2030-11-29"},
            "busy": [
                {"start": "2030-11-25T09:00:00+01:00", "end": "2030-11-25T12:30:00+01:00"},
                {"start": "2030-11-26T14:00:00+01:00", "end": "2030-11-26T15:00:00+01:00"},
            ],
            "timezone": "Europe/Berlin",
            "count": 3,
        },
    )
)
