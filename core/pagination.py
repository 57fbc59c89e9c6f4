"""Pages of a list by key: page 1,000 costs what page 1 costs, and new rows shift nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar, cast

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
Direction = Literal["next", "previous"]

SIZE = 50
_SEPARATOR = "~"  # stands for itself in an address and in no date, number or id


@dataclass(frozen=True)
class KeyPage(Generic[M]):
    """Some rows of a list, and the cursors of its neighbours ("" at either end)."""

    rows: list[M]
    next_cursor: str
    previous_cursor: str


@dataclass(frozen=True)
class _Cursor:
    direction: Direction
    values: tuple[Any, ...]


def paginate(
    rows: QuerySet[M], *, cursor: str = "", by: str = "-id", size: int = SIZE
) -> KeyPage[M]:
    """Return the page of `rows` at `cursor`, ordered by the field `by` and then by id.

    `by` takes a leading "-" for newest first, and must not be null. A cursor is a direction and the
    key of the row it starts beside; one that was altered or cut off gives the first page.
    """
    is_descending = by.startswith("-")
    keys = _keys(by)
    start = _parse(rows.model, keys, cursor)
    is_backward = start is not None and start.direction == "previous"
    if start is not None:
        rows = rows.filter(
            _beyond(keys, start.values, "gt" if is_descending == is_backward else "lt")
        )
    sign = "" if is_descending == is_backward else "-"
    found = list(rows.order_by(*(sign + key for key in keys))[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if is_backward:
        found.reverse()
    has_next, has_previous = (True, has_more) if is_backward else (has_more, start is not None)
    return KeyPage(
        rows=found,
        next_cursor=_write("next", keys, found[-1]) if found and has_next else "",
        previous_cursor=_write("previous", keys, found[0]) if found and has_previous else "",
    )


def _keys(by: str) -> tuple[str, ...]:
    field = by.removeprefix("-")
    return (field,) if field in {"id", "pk"} else (field, "id")


def _beyond(keys: tuple[str, ...], values: tuple[Any, ...], than: str) -> Q:
    if len(keys) == 1:
        return Q(**{f"{keys[0]}__{than}": values[0]})
    field, tie = keys
    # The first condition says nothing new; it lets the database start in the middle of its index.
    return Q(**{f"{field}__{than}e": values[0]}) & (
        Q(**{f"{field}__{than}": values[0]}) | Q(**{field: values[0], f"{tie}__{than}": values[1]})
    )


def _write(direction: Direction, keys: tuple[str, ...], row: Model) -> str:
    return _SEPARATOR.join([direction, *(_word(getattr(row, key)) for key in keys)])


def _word(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _parse(model: type[Model], keys: tuple[str, ...], cursor: str) -> _Cursor | None:
    direction, *words = cursor.split(_SEPARATOR)
    if direction not in {"next", "previous"} or len(words) != len(keys):
        return None
    fields = [model._meta.pk if key == "pk" else model._meta.get_field(key) for key in keys]
    try:
        values = tuple(
            _read(cast("Any", field).to_python(word))
            for field, word in zip(fields, words, strict=True)
        )
    except (ValidationError, ValueError, OverflowError):
        return None
    return _Cursor(cast("Direction", direction), values)


def _read(value: Any) -> Any:
    """Return `value` as a database takes it: moments in UTC, which some zones' first days lack."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("A moment without a zone is none.")
    return value.astimezone(UTC)
