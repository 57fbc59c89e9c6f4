"""Results and parameters as people read them, out of JSON that may be old, odd or hostile.

Nothing here is marked safe; what does not fit its type is shown as JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from operations import registry
from operations.models import Run
from operations.results import calendar, figures, mail, tasks
from operations.results.given import Given

logger = logging.getLogger(__name__)

LONG = 120  # characters; what is longer, or has lines, stands in a block of its own
SMALL = 3  # parts of an object that stands in one line
DEEPEST = 10  # levels; what is nested deeper is only shown as JSON
INDENT = 2
MOST_ENTRIES = 50  # of a list of parameters; all of them are in the JSON
OTHER_VERSION = (
    "This result has a form of another version of the operation, so it is shown as it is."
)
CATALOGUE_LOST = "This operation is no longer in the catalogue, so its result is shown as it is."


@dataclass(frozen=True, slots=True)
class Presentation:
    """A result to show: a template of `operations/results/`, what it shows, and the JSON."""

    template: str
    shown: Any
    json: str
    note: str = ""


Shape = tuple[str, Callable[[Any, Given], Any]]

_SHAPES: dict[str, Shape] = {
    "analytics-anomaly": ("anomalies", figures.anomalies),
    "analytics-summary": ("summary", figures.summary),
    "calendar-prep": ("briefing", calendar.briefing),
    "calendar-time": ("slots", calendar.slots),
    "email-classify": ("classifications", mail.classifications),
    "email-compose": ("letter", mail.composed),
    "email-respond": ("letter", mail.answer),
    "task-breakdown": ("steps", tasks.steps),
    "task-prioritize": ("ranking", tasks.ranking),
}


def present(run: Run) -> Presentation | None:
    """Return how to show the result of `run`; None where it has none."""
    if run.result is None:
        return None
    written = json.dumps(run.result, indent=2, ensure_ascii=False)
    try:
        operation = registry.get(run.operation)
    except registry.UnknownOperation:
        return Presentation("json", None, written, CATALOGUE_LOST)
    template, shape = _SHAPES.get(run.operation, ("json", _nothing))
    try:
        result: BaseModel = operation.result.model_validate(run.result)
    except ValidationError:
        return Presentation("json", None, written, OTHER_VERSION)
    try:
        shown = shape(result, Given(run))
    except Exception:  # a page that shows the JSON is of more use than none; the log has the fault
        logger.exception("The result of run %s cannot be shown", run.pk)
        return Presentation("json", None, written, OTHER_VERSION)
    return Presentation(template, shown, written)


def _nothing(result: Any, given: Given) -> None:
    return None


# --- parameters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: a short `text`, a long one, or entries, each of them fields again."""

    label: str
    text: str = ""
    is_long: bool = False
    entries: list[list[Field]] = field(default_factory=list)
    hidden: int = 0  # entries left out


@dataclass(frozen=True, slots=True)
class Fields:
    """Parameters to show, and their JSON."""

    fields: list[Field]
    json: str


def present_parameters(operation: str, parameters: Any) -> Fields:
    """Return the parameters that say something: what is empty is left to the JSON."""
    written = json.dumps(parameters, indent=INDENT, ensure_ascii=False)
    depth = max((len(line) - len(line.lstrip(" "))) // INDENT for line in written.splitlines())
    if not isinstance(parameters, Mapping) or depth > DEEPEST:
        return Fields([], written)
    return Fields(_fields(parameters), written)


def _fields(values: Mapping[str, Any]) -> list[Field]:
    return [
        _field(label_of(str(name)), value)
        for name, value in values.items()
        if value is not None and value not in ("", [], {})
    ]


def _field(label: str, value: Any) -> Field:
    if isinstance(value, Mapping):
        line = _line(value)
        return _text(label, line) if line else Field(label, entries=[_fields(value)])
    if isinstance(value, list):
        if _is_plain(value):
            return _text(label, ", ".join(_word(each) for each in value))
        entries = [_entry(each) for each in value[:MOST_ENTRIES]]
        return Field(label, entries=entries, hidden=max(0, len(value) - MOST_ENTRIES))
    return _text(label, _word(value))


def _entry(value: Any) -> list[Field]:
    if not isinstance(value, Mapping):
        return [_field("", value)]
    line = _line(value)
    return [_text("", line)] if line else _fields(value)


def _line(value: Mapping[str, Any]) -> str:
    """Return a small object in one line; "" for one that has objects or much to say."""
    said = {name: each for name, each in value.items() if each not in (None, "", [], {})}
    if len(said) > SMALL or not all(map(_is_plain, said.values())):
        return ""
    words = {
        name: ", ".join(map(_word, each)) if isinstance(each, list) else _word(each)
        for name, each in said.items()
    }
    line = " · ".join(f"{label_of(name)} {word}" for name, word in words.items())
    return line if len(line) <= LONG else ""


def _is_plain(value: Any) -> bool:
    """Say whether `value` has no objects, and no lists in lists."""
    parts = value if isinstance(value, list) else [value]
    return not any(isinstance(each, Mapping | list) for each in parts)


def _text(label: str, text: str) -> Field:
    return Field(label, text, is_long=len(text) > LONG or "\n" in text)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def label_of(name: str) -> str:
    """Return a field's name as words: “duration_minutes” is “Duration minutes”."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
