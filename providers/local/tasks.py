"""Which task first: due dates, effort, importance, and what stands in the way of what."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from providers.local.breakdown import break_down
from providers.local.moments import end_of, is_date, moment_of, span_words, zone_of
from providers.local.words import LONGEST_REASON, capital, joined, one_line

__all__ = ["break_down", "prioritize"]

URGENCY_WEIGHT, IMPORTANCE_WEIGHT = 56, 40  # points of 100
QUICK_WIN_POINTS, OVERDUE_POINTS = 1, 3
QUICK_MINUTES = 15
HALVING = timedelta(days=2)  # with this much slack a task is half as urgent as one without
NO_DUE_URGENCY = 0.05  # about that of something due in five weeks
URGENT, IMPORTANT = 0.5, 3
WORKDAY = timedelta(hours=6)  # of a day's work; longer tasks need several days of the calendar
NEAR = timedelta(hours=12)  # what is due within it is told in hours and minutes
NAMED = 3  # tasks named in a reason; more are counted


@dataclass(slots=True)
class Task:
    position: int
    id: Any
    title: str
    due: datetime | None
    due_day: date | None  # as the calendar of the one who asks shows it
    is_whole_day: bool  # a date without a time of day
    importance: int
    effort: timedelta
    blocked_by: list[Any]
    blockers: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    circle: list[int] = field(default_factory=list)
    latest: datetime | None = None  # it must be finished by then, for itself or for what waits
    for_whom: int = -1  # the waiting task that sets `latest`
    weight: int = 3  # importance, or that of a more important task that waits for it
    urgency: float = 0.0
    score: float = 0.0


def prioritize(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tasks in order of rank. No task stands above one that blocks it."""
    zone, _ = zone_of(parameters.get("timezone"))
    tasks = _read(parameters.get("tasks"), zone)
    now = moment_of(parameters.get("now"), zone) or _latest_known(tasks)
    today = now.astimezone(zone).date()
    _link(tasks)
    order = _sorted_by_dependence(tasks)
    for position in reversed(order):
        _hand_down(tasks, tasks[position])
    for position in order:
        _score(tasks, tasks[position], now)
    ranked = _rank(tasks)
    return {
        "tasks": [
            {
                "id": task.id,
                "rank": rank,
                "score": round(task.score),
                "quadrant": _quadrant(task),
                "reason": _reason(tasks, task, now, today),
            }
            for rank, task in enumerate(ranked, start=1)
        ]
    }


def _latest_known(tasks: Sequence[Task]) -> datetime:
    """Stand in for a missing `now`: the earliest due moment, so that order still follows dates."""
    return min((task.due for task in tasks if task.due), default=datetime(2000, 1, 1, tzinfo=UTC))


def _read(given: Any, zone: tzinfo) -> list[Task]:
    tasks: list[Task] = []
    for entry in given if isinstance(given, list | tuple) else ():
        if not isinstance(entry, Mapping):
            continue
        due = end_of(entry.get("due"), zone)
        importance = _number(entry.get("importance"), default=3, low=1, high=5)
        minutes = _number(entry.get("effort_minutes"), default=60, low=1, high=1_000_000)
        blocked_by = entry.get("blocked_by")
        tasks.append(
            Task(
                position=len(tasks),
                id=entry.get("id"),
                title=one_line(entry.get("title"), 60) or f"task {entry.get('id')}",
                due=due,
                due_day=_day_of(entry.get("due"), due, zone),
                is_whole_day=is_date(entry.get("due")),
                importance=importance,
                effort=timedelta(minutes=minutes),
                blocked_by=list(blocked_by) if isinstance(blocked_by, list | tuple) else [],
                latest=due,
                weight=importance,
            )
        )
    return tasks


def _day_of(given: Any, due: datetime | None, zone: tzinfo) -> date | None:
    if due is None:
        return None
    return date.fromisoformat(given.strip()) if is_date(given) else due.astimezone(zone).date()


def _number(value: Any, *, default: int, low: int, high: int) -> int:
    try:
        return min(max(round(float(value)), low), high)
    except (TypeError, ValueError, OverflowError):
        return default


def _link(tasks: list[Task]) -> None:
    """Turn the ids of blockers into positions, and set links inside a circle aside."""
    by_id: dict[str, list[int]] = {}
    for task in tasks:
        by_id.setdefault(str(task.id), []).append(task.position)
    for task in tasks:
        found: dict[int, None] = {}
        for identifier in task.blocked_by:
            positions = by_id.get(str(identifier))
            if positions is None:
                task.unknown.append(one_line(str(identifier), 40))
            found.update(dict.fromkeys(positions or ()))
        task.blockers = list(found)
    for circle in _circles(tasks):
        members = set(circle)
        for position in circle:
            task = tasks[position]
            task.circle = circle
            task.blockers = [blocker for blocker in task.blockers if blocker not in members]


def _circles(tasks: list[Task]) -> list[list[int]]:
    """Return the groups of tasks that block each other (Tarjan's algorithm without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    circles: list[list[int]] = []
    for root in range(len(tasks)):
        work = [(root, 0)] if root not in index else []
        while work:
            node, edge = work.pop()
            if edge == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            blockers = tasks[node].blockers
            if edge > 0:
                low[node] = min(low[node], low[blockers[edge - 1]])
            while edge < len(blockers) and blockers[edge] in index:
                if blockers[edge] in on_stack:
                    low[node] = min(low[node], index[blockers[edge]])
                edge += 1
            if edge < len(blockers):
                work += [(node, edge + 1), (blockers[edge], 0)]
            elif low[node] == index[node]:
                members = _popped(stack, on_stack, node)
                if len(members) > 1 or node in blockers:
                    circles.append(members)
    return circles


def _popped(stack: list[int], on_stack: set[int], until: int) -> list[int]:
    members: list[int] = []
    while not members or members[-1] != until:
        members.append(stack.pop())
        on_stack.discard(members[-1])
    return sorted(members)


def _sorted_by_dependence(tasks: list[Task]) -> list[int]:
    """Return the positions, every blocker before what it blocks."""
    waiting = [len(task.blockers) for task in tasks]
    dependents = _dependents(tasks)
    order = [position for position, count in enumerate(waiting) if not count]
    for position in order:  # grows while it is walked
        for dependent in dependents[position]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                order.append(dependent)
    return order


def _dependents(tasks: list[Task]) -> list[list[int]]:
    dependents: list[list[int]] = [[] for _ in tasks]
    for task in tasks:
        for blocker in task.blockers:
            dependents[blocker].append(task.position)
    return dependents


def _needed(task: Task) -> timedelta:
    """Return the time on the calendar that the effort takes."""
    if task.effort <= timedelta(hours=4):
        return task.effort
    return task.effort / WORKDAY * timedelta(days=1)


def _hand_down(tasks: list[Task], task: Task) -> None:
    """Give a task's blockers its deadline, less its own effort, and its importance."""
    for position in task.blockers:
        blocker = tasks[position]
        blocker.weight = max(blocker.weight, task.weight)
        if task.latest is not None:
            latest = max(task.latest - _needed(task), datetime(1800, 1, 1, tzinfo=UTC))
            if blocker.latest is None or latest < blocker.latest:
                blocker.latest = latest
                blocker.for_whom = task.position


def _score(tasks: list[Task], task: Task, now: datetime) -> None:
    task.urgency = _urgency(task, now)
    task.score = URGENCY_WEIGHT * task.urgency + IMPORTANCE_WEIGHT * (task.weight - 1) / 4
    if task.latest is not None and task.latest < now:
        task.score += OVERDUE_POINTS
    if task.effort <= timedelta(minutes=QUICK_MINUTES):
        task.score += QUICK_WIN_POINTS
    # What cannot be started yet never looks more pressing than what it waits for.
    task.score = min([task.score, *(tasks[position].score for position in task.blockers)])


def _urgency(task: Task, now: datetime) -> float:
    if task.latest is None:
        return NO_DUE_URGENCY
    slack = task.latest - now - _needed(task)
    return 1.0 if slack <= timedelta(0) else 1 / (1 + slack / HALVING)


def _rank(tasks: list[Task]) -> list[Task]:
    """Return the tasks by score, each one only once all its blockers have been placed."""
    waiting = [len(task.blockers) for task in tasks]
    dependents = _dependents(tasks)
    far = datetime.max.replace(tzinfo=UTC)
    heap = [
        (-task.score, task.latest or far, task.position)
        for task in tasks
        if not waiting[task.position]
    ]
    heapq.heapify(heap)
    ranked: list[Task] = []
    while heap:
        *_, position = heapq.heappop(heap)
        ranked.append(tasks[position])
        for dependent in dependents[position]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                task = tasks[dependent]
                heapq.heappush(heap, (-task.score, task.latest or far, dependent))
    return ranked


def _quadrant(task: Task) -> str:
    """Return Eisenhower's quadrant; a task that blocks an important one is important itself."""
    if task.weight >= IMPORTANT:
        return "do" if task.urgency >= URGENT else "schedule"
    return "delegate" if task.urgency >= URGENT else "drop"


def _reason(tasks: list[Task], task: Task, now: datetime, today: date) -> str:
    parts = [
        *_about_time(tasks, task, now, today),
        *_about_weight(task),
        *_about_order(tasks, task),
    ]
    return one_line(" ".join(f"{capital(part)}." for part in parts), LONGEST_REASON)


def _about_time(tasks: list[Task], task: Task, now: datetime, today: date) -> list[str]:
    parts: list[str] = []
    if task.due is None and task.latest is None:
        parts.append("no due date")
    elif task.due is not None and task.due_day is not None:
        away = task.due - now
        days = (task.due_day - today).days
        parts.append(_in_days(days) if task.is_whole_day else _by_the_clock(away, days))
        if timedelta(0) <= away <= _needed(task):
            parts[-1] += f" and takes about {span_words(task.effort)}: there is no slack left"
    if task.for_whom >= 0 and task.latest is not None:
        waiting = tasks[task.for_whom].title
        ahead = task.latest - now
        when = f"within {span_words(ahead)}" if ahead > timedelta(0) else "at once"
        parts.append(f"must be finished {when} for “{waiting}”, which waits for it")
    if task.effort <= timedelta(minutes=QUICK_MINUTES):
        parts.append(f"quickly done ({span_words(task.effort)})")
    return parts


def _by_the_clock(away: timedelta, days: int) -> str:
    """Say when it is due: near by the clock, further off by the calendar."""
    if abs(away) >= NEAR and days:
        return _in_days(days)
    return f"{'overdue by' if away < timedelta(0) else 'due in'} {span_words(away)}"


def _in_days(days: int) -> str:
    """Say it as a calendar does: what is due on the 24th is due in two days on the 22nd."""
    if days in (0, 1):
        return "due tomorrow" if days else "due today"
    count = f"{abs(days)} day{'' if days == -1 else 's'}"
    return f"overdue by {count}" if days < 0 else f"due in {count}"


def _about_weight(task: Task) -> list[str]:
    if task.weight > task.importance:
        return [f"importance {task.importance} of 5, raised to {task.weight} by what waits for it"]
    return [f"importance {task.importance} of 5"]


def _about_order(tasks: list[Task], task: Task) -> list[str]:
    parts: list[str] = []
    if task.blockers:
        titles = _titles(tasks, task.blockers[:NAMED], len(task.blockers) - NAMED)
        verb = "blocks" if len(task.blockers) == 1 else "block"
        parts.append(f"comes after {titles}, which {verb} it")
    if task.unknown:
        named = joined(f"“{name}”" for name in task.unknown[:NAMED])
        parts.append(f"is said to wait for {named}, not in this list, so that is left out")
    if task.circle:
        others = [at for at in task.circle[: NAMED + 1] if at != task.position][:NAMED]
        more = len(task.circle) - 1 - len(others)
        parts.append(
            f"stands in a circle with {_titles(tasks, others, more)}: each waits for the other, "
            "so break one of these links"
            if others
            else "is said to block itself, so that is left out"
        )
    return parts


def _titles(tasks: list[Task], positions: Sequence[int], more: int) -> str:
    named = [f"“{tasks[position].title}”" for position in positions]
    return joined([*named, f"{more} more"] if more > 0 else named)
