from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from operations import tokens
from operations.answers import each_once
from operations.parameters import (
    Id,
    Importance,
    Moment,
    Parameters,
    Result,
    Shown,
    Zone,
    unique_ids,
)
from operations.prompting import NO_ORDERS, fenced, lines
from operations.registry import Operation, register
from providers.local import tasks as local_tasks

if TYPE_CHECKING:
    from accounts.models import User


class Task(Parameters):
    id: Id
    title: Annotated[str, Field(max_length=500)] = ""
    due: Moment | None = None
    importance: Importance = 3
    effort_minutes: Annotated[int, Field(ge=0, le=100_000, title="Minutes of work")] = 60
    blocked_by: Annotated[
        list[Id],
        Field(max_length=100, description="Titles or ids of tasks that must be done first."),
        Shown(refers=True),
    ] = []


class Prioritize(Parameters):
    tasks: Annotated[
        list[Task],
        Field(min_length=1, max_length=100, description="Up to 100 tasks."),
        AfterValidator(unique_ids),
    ]
    now: Annotated[Moment | None, Field(title="As of", description="The present, if empty.")] = None
    timezone: Zone | None = None


class RankedTask(Result):
    id: str
    rank: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(ge=0, le=100)]
    quadrant: Literal["do", "schedule", "delegate", "drop"]
    reason: Annotated[str, Field(max_length=500)]


class Ranking(Result):
    tasks: list[RankedTask]


def prompt(given: Prioritize) -> str:
    listed = [
        lines(
            id=task.id,
            title=task.title,
            due=task.due,
            importance=task.importance,
            minutes=task.effort_minutes,
            blocked_by=task.blocked_by,
        )
        for task in given.tasks
    ]
    about = lines(now=given.now, time_zone=given.timezone or "UTC")
    return about + "\n\n" + fenced("tasks", "\n\n".join(listed))


def gather(owner: User, given: Prioritize, now: datetime) -> Prioritize:
    zone = given.timezone or owner.zone
    moment = given.now or now.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return given.model_copy(update={"timezone": zone, "now": moment})


register(
    Operation(
        slug="task-prioritize",
        title="Prioritise tasks",
        kind="tasks",
        tier="cheap",
        help="Ranks tasks by due date, importance, effort and what blocks them, with the reason.",
        parameters=Prioritize,
        result=Ranking,
        instructions=(
            "You rank a person's tasks. Return every task once, by its id, rank 1 first. Weigh the "
            "time left until it is due against the minutes it takes, its importance (5 highest), "
            "and how many others wait for it; a task never ranks before one that blocks it. Score "
            "0 to 100, falling with the rank. Quadrant: do (urgent and important), schedule "
            "(important, not urgent), delegate (urgent, not important), drop (neither). The reason "
            "has at most twelve words. " + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=lambda given: 60 + sum(60 + tokens.count(task.id) for task in given.tasks),
        rules=local_tasks.prioritize,
        check=each_once("tasks", "tasks"),
        gather=gather,
        example={
            "now": "2026-11-23T09:00:00+01:00",
            "timezone": "Europe/Berlin",
            "tasks": [
                {"id": "a", "title": "Send the tax return", "due": "2026-11-24", "importance": 5},
                {"id": "b", "title": "Tidy the wiki", "importance": 1, "effort_minutes": 240},
                {
                    "id": "c",
                    "title": "Publish the release",
                    "due": "2026-11-27",
                    "importance": 4,
                    "blocked_by": ["d"],
                },
                {"id": "d", "title": "Fix the failing test", "effort_minutes": 30},
            ],
        },
    )
)
