"""The day's meetings: what to prepare for each, what collides, what is close."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parseaddr
from itertools import pairwise
from typing import Any

from providers.local.meeting_kinds import ALL_DAY, KINDS, MEETING, Kind
from providers.local.moments import clock, day_name, end_of, is_date, moment_of, span_words, zone_of
from providers.local.words import (
    counted,
    joined,
    one_line,
    own_text,
    plain,
    strings_of,
    telling,
    word_set,
    words,
)

NAMED = 3  # titles named in one line; more are counted
RELATED = 3  # tasks or mails named for a meeting
MOST_LINES = 10  # of preparation for one meeting
MOST_EVENTS_TOLD = 40  # in the briefing
BACK_TO_BACK = timedelta(minutes=5)
TRAVEL = timedelta(minutes=30)  # between two places
NEEDS_AGENDA = 10  # minutes of preparation; a stand-up needs none
COMMON = 0.34  # a word in more than this share of the tasks tells nothing
ONLINE = re.compile(
    r"https?://|\b(?:zoom|teams|meet\.google|google meet|webex|skype|online|remote|phone|call)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>\"')]{4,300}")


@dataclass(slots=True)
class Event:
    id: Any
    title: str
    start: datetime | None
    end: datetime | None
    is_all_day: bool
    attendees: list[str]
    location: str
    notes: str
    kind: Kind = MEETING
    clashes: list[str] = field(default_factory=list)
    clash_count: int = 0
    warnings: list[str] = field(default_factory=list)
    extra_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Related:
    """A task or mail, and the words that say what it is about."""

    line: str
    about: frozenset[str]
    address: str


def prepare(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a briefing of all events and a list of preparations for each."""
    zone, zone_name = zone_of(parameters.get("timezone"))
    events = _read(parameters.get("events"), zone)
    tasks = _tasks(parameters.get("tasks"), zone)
    emails = _emails(parameters.get("emails"))
    _find_clashes(events)
    _find_tight_changes(events)
    task_index, mail_index = _index(tasks), _index(emails)
    items = [
        {
            "event_id": event.id,
            "preparation": _preparation(event, (tasks, task_index), (emails, mail_index)),
            "minutes_before": _minutes_before(event),
        }
        for event in events
    ]
    return {"briefing": _briefing(events, zone, zone_name), "items": items}


def _read(given: Any, zone: tzinfo) -> list[Event]:
    events: list[Event] = []
    for entry in given if isinstance(given, list | tuple) else ():
        if not isinstance(entry, Mapping):
            continue
        start = moment_of(entry.get("start"), zone)
        end = end_of(entry.get("end"), zone)
        event = Event(
            id=entry.get("id"),
            title=one_line(entry.get("title"), 120) or "(no title)",
            start=start,
            end=end if start and end and end > start else start,
            is_all_day=start is not None and is_date(entry.get("start")),
            attendees=[_person(name) for name in strings_of(entry.get("attendees"))],
            location=one_line(entry.get("location"), 120),
            notes=plain(entry.get("notes"))[:5000],
        )
        event.kind = ALL_DAY if event.is_all_day else _kind_of(event)
        events.append(event)
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(events, key=lambda event: event.start or far)


def _person(text: str) -> str:
    name, address = parseaddr(text[:300])
    return one_line(name or address or text, 60)


def _kind_of(event: Event) -> Kind:
    """Return the kind with the longest sign in the title; one other person makes it one-to-one."""
    title = f" {' '.join(event.title.lower().replace('/', ' ').split())} "
    told = f" {' '.join(words(title))} "
    best, longest = MEETING, 0
    for kind in KINDS:
        for sign in kind.signs:
            if len(sign) > longest and (f" {sign} " in title or f" {sign} " in told):
                best, longest = kind, len(sign)
    if best is MEETING and len(event.attendees) == 1:
        return next(kind for kind in KINDS if kind.name == "one-to-one")
    return best


def _is_online(event: Event) -> bool:
    return bool(
        ONLINE.search(event.location) or (not event.location and ONLINE.search(event.notes))
    )


# --- what collides ------------------------------------------------------------------------------


def _timed(events: Sequence[Event]) -> list[tuple[Event, datetime, datetime]]:
    return [
        (event, event.start, event.end)
        for event in events
        if event.start and event.end and not event.is_all_day and event.end > event.start
    ]


def _find_clashes(events: Sequence[Event]) -> None:
    """Count the overlaps of every event, and name a few."""
    timed = _timed(events)
    starts = [start for _, start, _ in timed]
    ends = sorted(end for _, _, end in timed)
    running: list[tuple[datetime, int]] = []
    for at, (event, start, end) in enumerate(timed):
        event.clash_count = bisect_left(starts, end) - bisect_right(ends, start) - 1
        while running and running[0][0] <= start:
            heapq.heappop(running)
        for _, other_at in running[:NAMED]:
            other = timed[other_at][0]
            event.clashes.append(other.title)
            if len(other.clashes) < NAMED:
                other.clashes.append(event.title)
        heapq.heappush(running, (end, at))


def _find_tight_changes(events: Sequence[Event]) -> None:
    for (before, _, ended), (after, start, _) in pairwise(_timed(events)):
        gap = start - ended
        if gap < timedelta(0):
            continue
        places = {before.location.lower(), after.location.lower()}
        if len(places) == 2 and "" not in places and not (_is_online(before) or _is_online(after)):
            if gap < TRAVEL:
                after.warnings.append(
                    f"Only {span_words(gap)} to get from {before.location} to {after.location}: "
                    f"leave “{before.title}” early or move one of them."
                )
            after.extra_minutes = 15
        elif gap <= BACK_TO_BACK:
            after.warnings.append(
                f"Follows right after “{before.title}”: prepare before it, and end it on time."
            )


# --- what belongs to it -------------------------------------------------------------------------


def _tasks(given: Any, zone: tzinfo) -> list[Related]:
    found: list[Related] = []
    for entry in given if isinstance(given, list | tuple) else ():
        task = {"title": entry} if isinstance(entry, str) else entry
        title = one_line(task.get("title"), 120) if isinstance(task, Mapping) else ""
        if title:
            due = end_of(task.get("due"), zone)
            when = f" (due {day_name(due - timedelta(seconds=1), zone)})" if due else ""
            found.append(Related(f"“{title}”{when}", frozenset(telling(title)), ""))
    return found


def _emails(given: Any) -> list[Related]:
    found: list[Related] = []
    for entry in given if isinstance(given, list | tuple) else ():
        mail = {"subject": entry} if isinstance(entry, str) else entry
        if not isinstance(mail, Mapping):
            continue
        subject = one_line(mail.get("subject"), 120)
        sender = one_line(mail.get("from"), 200)
        if subject or sender:
            about = telling(f"{subject} {own_text(plain(mail.get('body'), 500))}")
            line = f"“{subject or '(no subject)'}”" + (f" from {_person(sender)}" if sender else "")
            found.append(Related(line, frozenset(about), sender.lower()))
    return found


Index = dict[str, list[int]]


def _index(related: Sequence[Related]) -> Index:
    """Return where each telling word stands; words that are everywhere are left out."""
    index: defaultdict[str, list[int]] = defaultdict(list)
    for at, entry in enumerate(related):
        names = set(words(entry.address))
        for word in entry.about | {f"@{name}" for name in names if len(name) > 2}:
            index[word].append(at)
    most = max(len(related) * COMMON, 2)
    return {word: places for word, places in index.items() if len(places) <= most}


def _related(event: Event, related: Sequence[Related], index: Index) -> list[str]:
    people = {f"@{word}" for name in event.attendees for word in words(name) if len(word) > 2}
    points: Counter[int] = Counter()
    for word in telling(f"{event.title} {event.notes[:1000]}") | (people - MAIL_WORDS):
        places = index.get(word, ())
        for at in places[:200]:
            points[at] += 2 if word.startswith("@") else 1
    ranked = sorted(points, key=lambda at: (-points[at], at))
    return [related[at].line for at in ranked[:RELATED]]


MAIL_WORDS = word_set("@com @org @net @gmail @outlook @hotmail @mail @info @the")


def _preparation(
    event: Event, tasks: tuple[Sequence[Related], Index], emails: tuple[Sequence[Related], Index]
) -> list[str]:
    lines = [*event.warnings]
    if event.clashes:
        lines.insert(0, f"Overlaps with {_listed(event.clashes, event.clash_count)}: move one.")
    lines += event.kind.preparation
    if len(event.attendees) > 1:
        lines.append(f"Taking part: {_listed(event.attendees, len(event.attendees))}.")
    elif event.attendees:
        lines.append(f"With {event.attendees[0]}.")
    mails = _related(event, *emails)
    if mails:
        lines.append(f"Read again: {joined(mails)}.")
    due = _related(event, *tasks)
    if due:
        lines.append(f"Related tasks: {joined(due)}.")
    if event.notes:
        lines.append(f"From the notes: {one_line(event.notes, 200)}")
    elif len(event.attendees) >= 3 and event.kind.minutes >= NEEDS_AGENDA:
        lines.append("The invitation has no agenda: ask for one.")
    lines += _about_place(event)
    return [one_line(line, 400) for line in lines[:MOST_LINES]] or ["Nothing to prepare."]


def _about_place(event: Event) -> list[str]:
    link = _LINK.search(f"{event.location} {event.notes}")
    if link:
        return [f"Open {link.group()} once beforehand to test sound and picture."]
    if event.location and not _is_online(event):
        return [f"Place: {event.location}."]
    return []


def _listed(names: Sequence[str], count: int) -> str:
    shown = [one_line(name, 60) for name in dict.fromkeys(names)][:NAMED]
    return joined([*shown, f"{count - len(shown)} more"] if count > len(shown) else shown)


def _minutes_before(event: Event) -> int:
    """Return how long before its start to begin: by kind, more where there is a way to go."""
    if event.is_all_day:
        return 0
    way = 15 if event.location and not _is_online(event) and event.kind.minutes >= 10 else 0
    return event.kind.minutes + max(way, event.extra_minutes)


# --- the briefing -------------------------------------------------------------------------------


def _briefing(events: Sequence[Event], zone: tzinfo, zone_name: str) -> str:
    if not events:
        return "No events."
    by_day: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events[:MOST_EVENTS_TOLD]:
        by_day[day_name(event.start, zone) if event.start else "No date"].append(event)
    paragraphs = [
        "\n".join([f"{day}: {_day_summary(listed)}", *(_line(event, zone) for event in listed)])
        for day, listed in by_day.items()
    ]
    if len(events) > MOST_EVENTS_TOLD:
        paragraphs.append(f"And {len(events) - MOST_EVENTS_TOLD} more events.")
    paragraphs.append(f"Times are in {zone_name}.")
    return "\n\n".join(paragraphs)


def _day_summary(events: Sequence[Event]) -> str:
    timed = _timed(events)
    busy = sum((end - start for _, start, end in timed), timedelta(0))
    parts = [counted(len(events), "event")]
    if busy:
        hours = f"{busy / timedelta(hours=1):.1f}".removesuffix(".0")
        parts.append(f"{hours} {'hour' if hours == '1' else 'hours'} booked")
    clashing = sum(bool(event.clashes) for event in events)
    if clashing:
        parts.append(f"{clashing} of them overlap")
    tight = sum(bool(event.warnings) for event in events)
    if tight:
        parts.append(f"{counted(tight, 'tight change', 'tight changes')}")
    return f"{', '.join(parts)}."


def _line(event: Event, zone: tzinfo) -> str:
    when = "at an unknown time"
    if event.is_all_day:
        when = "all day"
    elif event.start and event.end and event.end > event.start:
        when = f"{clock(event.start, zone)} to {clock(event.end, zone)}"
    elif event.start:
        when = clock(event.start, zone)
    with_whom = (
        f", with {_listed(event.attendees, len(event.attendees))}" if event.attendees else ""
    )
    mark = " (overlaps)" if event.clashes else ""
    return f"- {when}: {event.title} [{event.kind.name}]{with_whom}{mark}"
