from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from operations import tokens
from operations.answers import each_once
from operations.parameters import (
    Id,
    Mail,
    Moment,
    Names,
    Parameters,
    Result,
    Short,
    Zone,
    is_reversed,
    unique_ids,
)
from operations.prompting import NO_ORDERS, cut, fenced, lines, mail
from operations.registry import Operation, register
from providers.local import meetings

if TYPE_CHECKING:
    from accounts.models import User

SHOWN = 1_000  # characters of each mail and of each event's notes


class Event(Parameters):
    id: Id
    title: Short = ""
    start: Moment | None = None
    end: Moment | None = None
    attendees: Names = []
    location: Short = ""
    notes: Annotated[str, Field(max_length=20_000)] = ""

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Event:
        if self.start and self.end and is_reversed(self.start, self.end):
            raise ValueError("must not end before it starts")
        return self


class OpenTask(Parameters):
    id: Id | None = None
    title: Annotated[str, Field(min_length=1, max_length=500)]
    due: Moment | None = None


def _titled(value: Any) -> Any:
    return {"title": value} if isinstance(value, str) else value


def _written(value: Any) -> Any:
    return {"body": value} if isinstance(value, str) else value


class Prepare(Parameters):
    events: Annotated[
        list[Event],
        Field(min_length=1, max_length=50, description="The meetings to prepare, up to 50."),
        AfterValidator(unique_ids),
    ]
    tasks: Annotated[
        list[Annotated[OpenTask, BeforeValidator(_titled)]],
        Field(max_length=100, description="Open tasks that may matter; titles will do."),
    ] = []
    emails: Annotated[
        list[Annotated[Mail, BeforeValidator(_written)]],
        Field(max_length=50, description="Mails that may matter; their text will do."),
    ] = []
    timezone: Zone | None = None


class Preparation(Result):
    event_id: str
    preparation: Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=20)]
    minutes_before: Annotated[int, Field(ge=0, le=10_080)]


class Briefing(Result):
    briefing: Annotated[str, Field(max_length=20_000)]
    items: list[Preparation]


def prompt(given: Prepare) -> str:
    parts = [lines(time_zone=given.timezone or "UTC")]
    for event in given.events:
        about = lines(
            title=event.title,
            start=event.start,
            end=event.end,
            attendees=event.attendees,
            location=event.location,
        )
        text = f"{about}\n\n{cut(event.notes, SHOWN)}" if event.notes else about
        parts.append(fenced("event", text, id=event.id))
    if given.tasks:
        listed = "\n".join(lines(task=task.title, due=task.due) for task in given.tasks)
        parts.append(fenced("tasks", listed))
    parts += [mail(message, limit=SHOWN) for message in given.emails]
    return "\n".join(parts)


def gather(owner: User, given: Prepare, now: datetime) -> Prepare:
    return given.model_copy(update={"timezone": given.timezone or owner.zone})


register(
    Operation(
        slug="calendar-prep",
        title="Prepare meetings",
        kind="calendar",
        tier="cheap",
        help="A briefing for the day's meetings, and for each what to prepare and how early.",
        parameters=Prepare,
        result=Briefing,
        instructions=(
            "You prepare a person's meetings. The briefing says in at most 120 words what the day "
            "holds and what matters most. Then give one item for each event, by its id and in "
            "order of start: up to four concrete things to prepare, each at most fifteen words, "
            "drawing on the event, the tasks and the mails where they belong to it; and how many "
            "minutes before the start to begin. Invent no facts. " + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=lambda given: (
            300 + sum(130 + tokens.count(event.id) for event in given.events)
        ),
        rules=meetings.prepare,
        check=each_once("events", "items", by="event_id"),
        gather=gather,
        example={
            "events": [
                {
                    "id": "e1",
                    "title": "Quarterly review with Acme",
                    "start": "2026-11-23T10:00:00+01:00",
                    "end": "2026-11-23T11:00:00+01:00",
                    "attendees": ["Jo Brandt", "Sam Okafor"],
                    "notes": "They want the renewal price.",
                }
            ],
            "tasks": [{"title": "Finish the Acme renewal offer", "due": "2026-11-23"}],
            "emails": [
                {
                    "from": "jo@example.com",
                    "subject": "Acme renewal",
                    "body": "Please bring the usage figures of the last quarter.",
                }
            ],
            "timezone": "Europe/Berlin",
        },
    )
)
