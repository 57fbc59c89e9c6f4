from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from operations.catalogue.task_breakdown import Steps
from operations.catalogue.task_prioritize import Ranking
from operations.results.given import Given, text_of

QUADRANTS = {  # what each is called, and its tone
    "do": ("Do now", "danger"),
    "schedule": ("Schedule", "info"),
    "delegate": ("Delegate", "warning"),
    "drop": ("Drop", "neutral"),
}


@dataclass(frozen=True, slots=True)
class ShownTask:
    id: str
    rank: int
    title: str
    due: str
    score: float
    quadrant: str
    tone: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownStep:
    order: int
    title: str
    length: timedelta
    depends_on: list[int]


@dataclass(frozen=True, slots=True)
class ShownSteps:
    task: str
    description: str
    steps: list[ShownStep]
    length: timedelta


def ranking(result: Ranking, given: Given) -> list[ShownTask]:
    tasks = given.by_id("tasks")
    shown = []
    for each in sorted(result.tasks, key=lambda each: each.rank):
        task = tasks.get(each.id, {})
        label, tone = QUADRANTS[each.quadrant]
        shown.append(
            ShownTask(
                id=each.id,
                rank=each.rank,
                title=text_of(task.get("title")),
                due=text_of(task.get("due")),
                score=each.score,
                quadrant=label,
                tone=tone,
                reason=each.reason,
            )
        )
    return shown


def steps(result: Steps, given: Given) -> ShownSteps:
    shown = [
        ShownStep(
            each.order,
            each.title,
            timedelta(minutes=each.estimate_minutes),
            sorted(set(each.depends_on)),
        )
        for each in sorted(result.steps, key=lambda each: each.order)
    ]
    return ShownSteps(
        given.text("title"),
        result.description,
        shown,
        sum((step.length for step in shown), timedelta()),
    )
