from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from operations.catalogue.calendar_prep import Briefing
from operations.catalogue.calendar_time import Slots
from operations.results.given import Given, text_of, texts_of

MOST_DAYS = 20  # one line of the strip each: as many as slots may be offered
FIRST_HOUR, LAST_HOUR = 8, 18  # shown at least
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of one day of the strip, in percent of the hours shown."""

    kind: Literal["slot", "busy"]
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    blocks: list[Block]

    @property
    def told(self) -> str:
        """Return what the line shows, for readers."""
        return "; ".join(block.title for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class ShownSlot:
    start: datetime
    end: datetime
    score: float
    reason: str

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ShownSlots:
    slots: list[ShownSlot]
    note: str
    zone: str
    days: list[Day]
    ticks: list[Tick]


@dataclass(frozen=True, slots=True)
class ShownEvent:
    id: str
    title: str
    start: datetime | None
    end: datetime | None
    attendees: str
    location: str
    preparation: list[str]
    minutes_before: int
    begin: datetime | None


@dataclass(frozen=True, slots=True)
class ShownBriefing:
    briefing: str
    events: list[ShownEvent]
    zone: str


def slots(result: Slots, given: Given) -> ShownSlots:
    shown = [
        ShownSlot(start, end, each.score, each.reason)
        for each in result.slots
        if (start := given.moment(each.start)) and (end := given.moment(each.end))
    ]
    busy = [
        (start, end)
        for row in given.rows("busy")
        if (start := given.moment(row.get("start"))) and (end := _end(given, row.get("end")))
    ]
    days, ticks = strip([(slot.start, slot.end) for slot in shown], busy)
    return ShownSlots(shown, result.note, given.zone.key, days, ticks)


def _end(given: Given, value: object) -> datetime | None:
    """Return the end of a busy time: a date alone lasts to the end of its day."""
    moment = given.moment(value)
    is_day = moment is not None and len(text_of(value)) == len("2026-11-22")
    return moment + ONE_DAY if moment and is_day else moment


def strip(
    slots: list[tuple[datetime, datetime]], busy: list[tuple[datetime, datetime]]
) -> tuple[list[Day], list[Tick]]:
    """Return a line for each day that has a slot, by wall clock, and the hours above them."""
    pieces = sorted(piece for start, end in slots for piece in _by_day(start, end))
    days = sorted({day for day, _, _ in pieces})[:MOST_DAYS]
    if not days:
        return [], []
    taken = [piece for start, end in busy for piece in _by_day(start, end, only=days)]
    first = min(FIRST_HOUR, *(int(begin) for _, begin, _ in pieces))
    last = max(LAST_HOUR, *(-int(-end // 1) for _, _, end in pieces))
    scale = 100 / (last - first)

    def block(kind: Literal["slot", "busy"], begin: float, end: float) -> Block | None:
        left, right = max(begin, first), min(end, last)
        if right <= left:
            return None
        told = f"{'Free' if kind == 'slot' else 'Busy'} {_clock(begin)} to {_clock(end)}"
        x, width = (left - first) * scale, (right - left) * scale
        return Block(kind, round(x, 2), round(width, 2), told)

    lines = []
    for day in days:
        blocks = [block("busy", begin, end) for on, begin, end in sorted(taken) if on == day]
        blocks += [block("slot", begin, end) for on, begin, end in pieces if on == day]
        lines.append(Day(day, [each for each in blocks if each is not None]))
    step = 2 if last - first <= 14 else 4
    ticks = [
        Tick(round((hour - first) * scale, 2), f"{hour:02}") for hour in range(first, last, step)
    ]
    return lines, ticks


def _by_day(
    start: datetime, end: datetime, only: list[date] | None = None
) -> list[tuple[date, float, float]]:
    """Cut a stretch at its midnights: (day, first hour, last hour), by the clock on the wall."""
    if end <= start:
        return []
    if only is None:
        span = min((end.date() - start.date()).days, MOST_DAYS)
        days = [start.date() + timedelta(days=n) for n in range(span + 1)]
    else:
        days = [day for day in only if start.date() <= day <= end.date()]
    pieces = []
    for day in days:
        begin = _hour(start.time()) if day == start.date() else 0.0
        finish = _hour(end.time()) if day == end.date() else 24.0
        if finish > begin:
            pieces.append((day, begin, finish))
    return pieces


def _hour(at: time) -> float:
    return at.hour + at.minute / 60 + at.second / 3600


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def briefing(result: Briefing, given: Given) -> ShownBriefing:
    events = given.by_id("events")
    shown = []
    for item in result.items:
        event = events.get(item.event_id, {})
        start = given.moment(event.get("start"))
        shown.append(
            ShownEvent(
                id=item.event_id,
                title=text_of(event.get("title")),
                start=start,
                end=given.moment(event.get("end")),
                attendees=", ".join(texts_of(event.get("attendees"))),
                location=text_of(event.get("location")),
                preparation=item.preparation,
                minutes_before=item.minutes_before,
                begin=start - timedelta(minutes=item.minutes_before) if start else None,
            )
        )
    return ShownBriefing(result.briefing, shown, given.zone.key)
