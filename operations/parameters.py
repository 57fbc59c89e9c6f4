"""What the parameters and results of operations are made of.

Limits are generous for one call of one model and bound its price; longer ones are split.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

FIRST_YEAR, LAST_YEAR = 1970, 2199  # further out, arithmetic over zones may overflow


@dataclass(frozen=True, slots=True)
class Shown:
    """How a form shows a value, where its type does not say. Validation ignores it."""

    kind: str = ""  # one of `operations.forms.shapes.Shape`
    choices: tuple[tuple[Any, str], ...] = ()
    words: tuple[tuple[str, int], ...] = ()  # that stand for a number where one is pasted
    refers: bool = False  # to other entries of the list, by their ids


class Parameters(BaseModel):
    """Base of all parameters. `model_dump(mode="json")` is what a run stores and rules read."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        str_strip_whitespace=True,
        serialize_by_alias=True,
        frozen=True,
    )


class Result(BaseModel):
    """Base of all results: what a model's answer must be.

    Characters that PostgreSQL's jsonb refuses are mended, not refused: asking again costs money.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, answer: Any) -> Any:
        if isinstance(answer, dict):
            return {name: _mended(value) for name, value in answer.items()}
        return answer


def _mended(value: Any) -> Any:
    """Return text, or a list of texts, as it can be stored; nested results mend themselves."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_mended(each) for each in value]
    return value


def _id(value: Any) -> Any:
    """Return a whole number as text: people number their rows."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: str) -> str:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            "must be a date or a moment, such as 2026-03-30 or 2026-03-30T09:00:00+02:00"
        ) from None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


@cache
def _zones() -> set[str]:
    return zoneinfo.available_timezones()  # reads directories: 10 ms


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("must be a time zone, such as Europe/Berlin")
    return value


def _clock(value: str) -> str:
    if value == "24:00":
        return value
    try:
        return time.fromisoformat(value).strftime("%H:%M")
    except ValueError:
        raise ValueError("must be a time of day, such as 09:00") from None


def _as_list(value: Any) -> Any:
    if isinstance(value, str):
        return [value] if value.strip() else []
    return value


def _importance(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, str):
        value = dict(IMPORTANCES).get(value.strip().lower(), value)
    try:
        return check(value)
    except ValidationError:
        raise ValueError("must be a whole number from 1 to 5, or low, medium or high") from None


Id = Annotated[str, BeforeValidator(_id), Field(min_length=1, max_length=200)]
Short = Annotated[str, Field(max_length=300)]
Text = Annotated[str, Field(max_length=50_000)]
Names = Annotated[list[Short], BeforeValidator(_as_list), Field(max_length=100)]
Moment = Annotated[
    str,
    Field(max_length=40, description="A date, or a moment in ISO 8601; without offset: local."),
    AfterValidator(_moment),
    Shown("moment"),
]
Zone = Annotated[
    str,
    Field(max_length=64, description="IANA time zone; yours if empty."),
    AfterValidator(_zone),
    Shown("zone"),
]
Clock = Annotated[str, Field(max_length=8), AfterValidator(_clock), Shown("clock")]
IMPORTANCES = (("low", 1), ("medium", 3), ("high", 5))
Importance = Annotated[
    int,
    Field(ge=1, le=5, description="5 is the most important."),
    WrapValidator(_importance),
    Shown(words=IMPORTANCES),
]


def parsed(moment: str) -> datetime:
    """Return a validated moment, naive where it states no offset."""
    return datetime.fromisoformat(moment)


def is_reversed(start: str, end: str) -> bool:
    """True where `end` lies before `start`; False where only a zone could tell."""
    first, last = parsed(start), parsed(end)
    return (first.tzinfo is None) == (last.tzinfo is None) and last < first


class Period(Parameters):
    """A stretch of time."""

    start: Moment
    end: Moment


class Mail(Parameters):
    """One e-mail. `headers` may name any; List-Unsubscribe helps most."""

    id: Id | None = None
    sender: Short = Field("", alias="from")
    to: Names = []
    subject: Annotated[str, Field(max_length=1_000)] = ""
    body: Text = ""
    received_at: Moment | None = None
    headers: Annotated[
        dict[Short, Annotated[str, Field(max_length=2_000)]], Field(max_length=50)
    ] = {}


Item = TypeVar("Item")


def unique_ids(items: list[Item]) -> list[Item]:
    """Refuse two items with one id: the answer could not tell them apart."""
    twice = _first_twice(getattr(item, "id", None) for item in items)
    if twice is not None:
        raise ValueError(f"must have ids that differ; “{twice}” comes twice")
    return items


def _first_twice(values: Iterable[Any]) -> Any:
    seen: set[Any] = set()
    for value in values:
        if value is not None and value in seen:
            return value
        seen.add(value)
    return None
