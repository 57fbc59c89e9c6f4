from __future__ import annotations

from typing import Annotated

from pydantic import Field

from operations.parameters import Parameters, Result
from operations.prompting import NO_ORDERS, cut, fenced, lines
from operations.registry import Operation, register
from providers.local import tasks


class BreakDown(Parameters):
    title: Annotated[str, Field(min_length=1, max_length=500, description="What is to be done.")]
    description: Annotated[str, Field(max_length=20_000, description="What is known about it.")] = (
        ""
    )
    max_steps: Annotated[int, Field(ge=1, le=30, title="Steps at most")] = 8


class Step(Result):
    order: Annotated[int, Field(ge=1)]
    title: Annotated[str, Field(min_length=1, max_length=500)]
    estimate_minutes: Annotated[int, Field(ge=0, le=100_000)]
    depends_on: Annotated[
        list[Annotated[int, Field(ge=1)]], Field(description="Orders of earlier steps.")
    ] = []


class Steps(Result):
    steps: list[Step]
    description: Annotated[
        str, Field(max_length=1_000, description="How it was cut up, in one sentence.")
    ] = ""


def prompt(given: BreakDown) -> str:
    parts = [lines(steps_at_most=given.max_steps), fenced("task", given.title)]
    if given.description:
        parts.append(fenced("description", cut(given.description, 12_000)))
    return "\n\n".join(parts)


register(
    Operation(
        slug="task-breakdown",
        title="Break a task down",
        kind="tasks",
        tier="cheap",
        help="Cuts a task into steps with an estimate each, and says which wait for which.",
        parameters=BreakDown,
        result=Steps,
        instructions=(
            "You cut a task into steps that one person can do. Number them from 1 in the order of "
            "doing. Each title starts with a verb and has at most twelve words; the estimate is in "
            "minutes of work; depends_on names only earlier steps that must be done before. Use as "
            "few steps as make sense, never more than allowed. " + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=lambda given: 100 + 60 * given.max_steps,
        rules=tasks.break_down,
        example={
            "title": "Move the shop to a new payment provider",
            "description": "Two currencies, refunds must keep working, launch before Christmas.",
            "max_steps": 6,
        },
    )
)
