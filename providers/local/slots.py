"""Free time: the best slots for a meeting, over zones, clock changes and a full calendar."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from providers.local.moments import at_wall, day_name, end_of, iso, moment_of, offset_at, zone_of

SEARCHED = timedelta(days=366)  # a longer window is searched this far
GRID = timedelta(minutes=15)  # meetings start on the quarter hour of the wall clock
BUFFER = timedelta(minutes=15)  # room between two meetings
SPLINTER = timedelta(minutes=30)  # free time shorter than this is of no use
SAME_DAY_PENALTY = 8  # points; alternatives on other days help more than neighbours
TIME_OF_DAY = (  # points by the hour at which the slot begins; people are at their best at 10
    (6, 0), (8, 6), (9, 18), (10, 26), (11.5, 35), (12, 24), (13, 8),
    (14, 16), (16, 26), (17, 18), (18, 10), (20, 4),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours on the wall clock; minutes of the day, `end` may lie on the next day."""

    start: int
    end: int
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class Candidate:
    span: Span
    score: int
    reasons: tuple[str, ...]


def find(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return up to `count` free slots that do not overlap, best first, each with its reasons."""
    zone, zone_name = zone_of(parameters.get("timezone"))
    count = _whole(parameters.get("count"), default=3, low=1, high=1000)
    duration = timedelta(
        minutes=_whole(parameters.get("duration_minutes"), default=30, low=1, high=60 * 24 * 31)
    )
    window = _window(parameters, zone)
    if window is None:
        return {"slots": [], "note": "The window ends before it starts, or is already past."}
    busy = _busy(parameters.get("busy"), zone)
    free = list(_free(_working(window, hours_of(parameters.get("working_hours")), zone), busy))
    chosen = _choose(_candidates(free, busy, duration, zone), count, zone)
    asked = timedelta(minutes=duration.total_seconds() // 60)
    return {
        "slots": [
            {
                "start": iso(slot.span.start, zone),
                "end": iso(slot.span.end, zone),
                "score": slot.score,
                "reason": f"{day_name(slot.span.start, zone)}: {', '.join(slot.reasons)}.",
            }
            for slot in chosen
        ],
        "note": _note(len(chosen), count, free, asked, zone_name),
    }


def _note(found: int, count: int, free: list[Span], duration: timedelta, zone: str) -> str:
    if found >= count:
        return ""
    minutes = duration // timedelta(minutes=1)
    if not free:
        return f"No time within working hours ({zone}) is free in this window."
    longest = max(span.end - span.start for span in free) // timedelta(minutes=1)
    if not found:
        return f"No free time of {minutes} minutes is left; the longest is {longest} minutes."
    return f"Only {found} of the {count} slots asked for fit without overlapping."


def hours_of(value: Any) -> Hours:
    """Return working hours from {start, end, days}; what cannot be read is 9 to 17, Mon to Fri."""
    given = value if isinstance(value, Mapping) else {}
    start = _minutes(given.get("start"), default=9 * 60)
    end = _minutes(given.get("end"), default=17 * 60)
    days = given.get("days")
    chosen = (
        frozenset(day for day in days if isinstance(day, int) and 1 <= day <= 7)
        if isinstance(days, list | tuple | set | frozenset)
        else frozenset()
    )
    if end <= start:
        end += 24 * 60
    return Hours(start, end, chosen or frozenset({1, 2, 3, 4, 5}))


def _minutes(value: Any, *, default: int) -> int:
    """Return the minute of the day of "9", "09:30" or "09:30:00"; "24:00" is 1440."""
    if not isinstance(value, str):
        return default
    hour, _, rest = value.strip().partition(":")
    minute = rest[:2] or "0"
    if not (hour.isdecimal() and minute.isdecimal() and len(hour) <= 2):
        return default
    total = int(hour) * 60 + int(minute)
    return total if 0 <= total <= 24 * 60 and int(minute) < 60 else default


def _whole(value: Any, *, default: int, low: int, high: int) -> int:
    try:
        return min(max(int(value), low), high)
    except (TypeError, ValueError, OverflowError):
        return default


def _window(parameters: Mapping[str, Any], zone: tzinfo) -> Span | None:
    given = parameters.get("window")
    given = given if isinstance(given, Mapping) else {}
    start = moment_of(given.get("start"), zone)
    end = end_of(given.get("end"), zone)
    now = moment_of(parameters.get("now"), zone)
    if start is None:
        start = now
    if start is None:
        return None
    if end is None:
        end = start + timedelta(days=14)
    if now is not None:
        start = max(start, now)
    end = min(end, start + SEARCHED)
    return Span(start, end) if start < end else None


def _busy(entries: Any, zone: tzinfo) -> list[Span]:
    """Return the busy times in order, merged; empty, reversed and unreadable ones left out."""
    spans: list[Span] = []
    for entry in entries if isinstance(entries, list | tuple) else ():
        if not isinstance(entry, Mapping):
            continue
        start = moment_of(entry.get("start"), zone)
        # An all-day entry of a calendar ends on the day after, exclusively; some end on the day.
        end = moment_of(entry.get("end"), zone)
        if (start is not None and entry.get("start") == entry.get("end")) or end is None:
            end = end_of(entry.get("start"), zone)
        if start is not None and end is not None and start < end:
            spans.append(Span(start, end))
    return _merged(spans)


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _working(window: Span, hours: Hours, zone: tzinfo) -> list[Span]:
    """Return the working time inside the window: wall-clock hours of each local day."""
    day = window.start.astimezone(zone).date() - timedelta(days=1)  # its hours may reach over
    last = window.end.astimezone(zone).date()
    spans: list[Span] = []
    while day <= last:
        if day.isoweekday() in hours.days:
            midnight = datetime.combine(day, time.min)
            start = at_wall(midnight + timedelta(minutes=hours.start), zone)
            end = at_wall(midnight + timedelta(minutes=hours.end), zone)
            start, end = max(start, window.start), min(end, window.end)
            if start < end:
                spans.append(Span(start, end))
        day += timedelta(days=1)
    return _merged(spans)


def _free(working: list[Span], busy: list[Span]) -> Iterator[Span]:
    position = 0
    for span in working:
        start = span.start
        while position < len(busy) and busy[position].end <= start:
            position += 1
        ahead = position
        while ahead < len(busy) and busy[ahead].start < span.end:
            if start < busy[ahead].start:
                yield Span(start, busy[ahead].start)
            start = max(start, busy[ahead].end)
            ahead += 1
        if start < span.end:
            yield Span(start, span.end)


def _candidates(
    free: list[Span], busy: list[Span], duration: timedelta, zone: tzinfo
) -> Iterator[Candidate]:
    meetings = {edge for span in busy for edge in (span.start, span.end)}
    first = free[0].start if free else datetime.min.replace(tzinfo=UTC)
    for span in free:
        for start in _starts(span, duration, zone):
            slot = Span(start, start + duration)
            # An hour that the clocks skip or repeat within a meeting confuses everybody.
            if offset_at(slot.start, zone) == offset_at(slot.end - timedelta(seconds=1), zone):
                yield _scored(slot, span, meetings, first, zone)


def _starts(span: Span, duration: timedelta, zone: tzinfo) -> Iterator[datetime]:
    start = _on_grid(span.start, zone)
    if start + duration > span.end:
        start = span.start  # no quarter hour fits: better an odd minute than none
    while start + duration <= span.end:
        yield start
        start += GRID


def _on_grid(moment: datetime, zone: tzinfo) -> datetime:
    local = moment.astimezone(zone)
    past = timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    ) % GRID  # fmt: skip
    return moment + (GRID - past) % GRID


def _scored(
    slot: Span, span: Span, meetings: set[datetime], first: datetime, zone: tzinfo
) -> Candidate:
    """Score a slot: time of day 35, room to its neighbours 25, no splinters 20, soon 20."""
    before, after = slot.start - span.start, span.end - slot.end
    day_points, day_reason = _time_of_day(slot, zone)
    room_points, room_reason = _room(
        before if span.start in meetings else None, after if span.end in meetings else None
    )
    splinters = sum(timedelta(0) < rest < SPLINTER for rest in (before, after))
    soon = 20 / (1 + (slot.start - first) / timedelta(days=4))
    reasons = [day_reason, room_reason]
    if splinters:
        reasons.append("leaves a short gap" if splinters == 1 else "leaves two short gaps")
    elif not before or not after:
        reasons.append("keeps the rest of the free time in one piece")
    if slot.start - first < timedelta(days=1):
        reasons.append("among the soonest")
    score = round(day_points + room_points + 20 - 9 * splinters + soon)
    return Candidate(slot, score, tuple(reasons))


def _time_of_day(slot: Span, zone: tzinfo) -> tuple[int, str]:
    local = slot.start.astimezone(zone)
    hour = local.hour + local.minute / 60
    points = next((points for until, points in TIME_OF_DAY if hour < until), 0)
    names = ((6, "night"), (9, "early morning"), (10, "morning"), (11.5, "mid-morning"),
             (12, "late morning"), (14, "around lunch"), (16, "early afternoon"),
             (18, "late afternoon"), (22, "evening"))  # fmt: skip
    return points, next((name for until, name in names if hour < until), "night")


def _room(before: timedelta | None, after: timedelta | None) -> tuple[int, str]:
    """Return points for the room to the meeting before and after (None: there is none)."""
    tight = [gap for gap in (before, after) if gap is not None and gap < BUFFER]
    if not tight:
        known = [gap for gap in (before, after) if gap is not None]
        if not known:
            return 25, "no meeting next to it"
        return 25, f"{int(min(known) / timedelta(minutes=1))} minutes clear of other meetings"
    touching = sum(not gap for gap in tight)
    if touching == 2:
        return 5, "squeezed between two meetings"
    if touching:
        return 12, "back to back with a meeting"
    return 18, f"only {int(min(tight) / timedelta(minutes=1))} minutes from a meeting"


def _choose(candidates: Iterable[Candidate], count: int, zone: tzinfo) -> list[Candidate]:
    """Take the best that overlap nothing taken; each one taken makes its day less welcome.

    Scores only ever fall, so a stale entry is corrected when it reaches the top of the heap.
    """
    heap = [(-slot.score, slot.span.start, 0, slot) for slot in candidates]
    heapq.heapify(heap)
    taken: list[tuple[datetime, datetime]] = []
    on_day: dict[Any, int] = {}
    chosen: list[Candidate] = []
    while heap and len(chosen) < count:
        negative, start, known, slot = heapq.heappop(heap)
        if _overlaps(slot.span, taken):
            continue
        day = start.astimezone(zone).date()
        already = on_day.get(day, 0)
        if known < already:
            lower = negative + SAME_DAY_PENALTY * (already - known)
            heapq.heappush(heap, (lower, start, already, slot))
            continue
        on_day[day] = already + 1
        insort(taken, (slot.span.start, slot.span.end))
        reasons = (*slot.reasons, "a second choice for that day") if already else slot.reasons
        chosen.append(Candidate(slot.span, max(-negative, 0), reasons))
    return chosen


def _overlaps(span: Span, taken: list[tuple[datetime, datetime]]) -> bool:
    position = bisect_left(taken, (span.start, span.start))
    follows = position < len(taken) and taken[position][0] < span.end
    precedes = position > 0 and taken[position - 1][1] > span.start
    return follows or precedes
