"""What a person chose: looked up thousands of times a second, saved rarely and in bulk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import sql
from django.db.models.constants import OnConflict

from audit import services as audit
from core.errors import DomainError
from core.money import UsdField
from preferences.models import OperationPreference, ThemePreference
from providers import catalogue

if TYPE_CHECKING:
    from accounts.models import User

MEMORY_S = 2.0  # how long another process may act on what a person has just changed
MEMORY_OWNERS = 10_000  # some 1 kB each
THEME_MEMORY_S = 900.0
MAX_ROWS = 1_000  # of one save: 10,000 values, under SQLite's limit for one statement
MAX_FALLBACKS = 10


@dataclass(frozen=True, slots=True)
class OperationChoice:
    """What one person wants of one operation. Shared between callers: never change `parameters`.

    `model` is "provider:model", or "" to let Helix choose. `fallbacks` and `allow_local` are None
    where the person said nothing; an empty `fallbacks` means that no other model may be asked.
    """

    enabled: bool = True
    model: str = ""
    fallbacks: tuple[str, ...] | None = None
    allow_local: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    monthly_budget_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ThemeChoice:
    """How the pages look to one person; `accent` is a name or #rrggbb."""

    theme: str = ThemePreference.Theme.AUTO
    accent: str = ThemePreference.Accent.BLUE
    is_compact: bool = False
    is_sidebar_folded: bool = False


_FIELDS: Final = tuple(each.name for each in fields(OperationChoice))
_DEFAULT: Final = OperationChoice()
_memory: dict[UUID, tuple[float, dict[str, OperationChoice]]] = {}


def lookup(owner_id: UUID, operation: str) -> OperationChoice:
    """Return what the owner chose for `operation`; the defaults where there is no row.

    Held in this process for `MEMORY_S`: a save is seen at once by the process that made it, and by
    every other within two seconds. There is no shared cache behind it: on a miss one indexed query
    reads the owner's few rows, which costs no more than a trip to Redis, needs none, and cannot be
    left stale by a process that dies between commit and drop.
    """
    held = _memory.get(owner_id)
    if held is None or held[0] < time.monotonic():
        return _read([owner_id])[owner_id].get(operation, _DEFAULT)
    return held[1].get(operation, _DEFAULT)


def lookup_many(wanted: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], OperationChoice]:
    """Return the choice of each (owner id, operation), with at most one query for all of them."""
    pairs = set(wanted)
    now = time.monotonic()
    choices: dict[UUID, dict[str, OperationChoice]] = {}
    unread: list[UUID] = []
    for owner_id in {owner_id for owner_id, _ in pairs}:
        held = _memory.get(owner_id)
        if held is None or held[0] < now:
            unread.append(owner_id)
        else:
            choices[owner_id] = held[1]
    if unread:
        choices |= _read(unread)
    return {pair: choices[pair[0]].get(pair[1], _DEFAULT) for pair in pairs}


def forget(owner_id: UUID) -> None:
    """Drop what this process remembers of the owner."""
    _memory.pop(owner_id, None)


def _read(owner_ids: list[UUID]) -> dict[UUID, dict[str, OperationChoice]]:
    until = time.monotonic() + MEMORY_S
    found: dict[UUID, dict[str, OperationChoice]] = {owner_id: {} for owner_id in owner_ids}
    rows = OperationPreference.objects.filter(owner_id__in=owner_ids)
    for owner_id, operation, *values in rows.values_list("owner_id", "operation", *_FIELDS):
        found[owner_id][operation] = _choice(dict(zip(_FIELDS, values, strict=True)))
    if len(_memory) + len(found) > MEMORY_OWNERS:
        _memory.clear()
    for owner_id, choices in found.items():
        _memory[owner_id] = (until, choices)
    return found


def _choice(values: Mapping[str, Any]) -> OperationChoice:
    fallbacks = values["fallbacks"]
    return OperationChoice(
        **{**values, "fallbacks": None if fallbacks is None else tuple(fallbacks)}
    )


@transaction.atomic
def save(
    *, owner: User, changes: Mapping[str, Mapping[str, Any]], by: User | None, now: datetime
) -> dict[str, OperationChoice]:
    """Change the owner's preferences, all or none, and return those of the operations named.

    `changes` maps an operation to the fields to change; the others keep their values. Operation
    names and `parameters` must have been validated: `operations.services.save_preferences` does.
    One SELECT and one upsert, for one row or a thousand. The race that remains: of two first saves
    for the same operation at one moment, the later takes the other's fields back to the defaults.
    """
    if len(changes) > MAX_ROWS:
        raise DomainError(f"Save at most {MAX_ROWS:,} operations at once.")
    clean = {operation: _clean(operation, change) for operation, change in changes.items()}
    present = {
        row.operation: row
        for row in OperationPreference.objects.select_for_update().filter(
            owner=owner, operation__in=list(clean)
        )
    }
    rows: list[OperationPreference] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    saved: dict[str, OperationChoice] = {}
    for operation, change in clean.items():
        row = present.get(operation) or OperationPreference(owner=owner, operation=operation)
        changed = [name for name, value in change.items() if getattr(row, name) != value]
        if changed or operation not in present:
            before[operation] = _plain(row, changed) if operation in present else None
            for name in changed:
                setattr(row, name, change[name])
            row.updated_at = now
            after[operation] = _plain(row, changed)
            rows.append(row)
        saved[operation] = _choice({name: getattr(row, name) for name in _FIELDS})
    if rows:
        _upsert(rows)
        audit.record(
            "preferences.saved", target=owner, by=by, owner=owner, before=before, after=after
        )
        forget(owner.pk)  # for reads inside this transaction; again below, for those beside it
        transaction.on_commit(lambda: forget(owner.pk))
    return saved


def _upsert(rows: Sequence[OperationPreference]) -> None:
    """Write all rows in one statement.

    `bulk_create` would do but for SQLite, where Django cuts it into pieces of 99 rows for the sake
    of a limit that SQLite raised from 999 to 32,766 values in 2020.
    """
    meta = OperationPreference._meta
    query = sql.InsertQuery(
        OperationPreference,
        on_conflict=OnConflict.UPDATE,
        update_fields=[meta.get_field(name) for name in (*_FIELDS, "updated_at")],
        unique_fields=[meta.get_field(name) for name in ("owner", "operation")],
    )
    query.insert_values(meta.concrete_fields, list(rows))
    query.get_compiler("default").execute_sql()


def _plain(row: OperationPreference, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }


def _clean(operation: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of one change as they are stored, or raise `DomainError` naming one."""
    unknown = sorted(set(change) - _CLEANERS.keys())
    if unknown:
        raise DomainError(
            f"{operation}: “{unknown[0]}” is not a preference; use {', '.join(_CLEANERS)}."
        )
    clean: dict[str, Any] = {}
    for name, value in change.items():
        try:
            clean[name] = _CLEANERS[name](value)
        except ValueError as error:
            raise DomainError(f"{operation}: {name} {error}") from None
    return clean


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be yes or no.")
    return value


def _truth_or_none(value: Any) -> bool | None:
    return None if value is None else _truth(value)


def _model(value: Any) -> str:
    """Return a model that may be chosen; its provider need not have a key yet."""
    if value in ("", None):
        return ""
    refusal = catalogue.snapshot().refusal_of(str(value))
    if refusal:
        raise ValueError(refusal)
    return str(value)


def _fallbacks(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) > MAX_FALLBACKS or "" in value:
        raise ValueError(f"must be a list of at most {MAX_FALLBACKS} models.")
    return list(dict.fromkeys(_model(each) for each in value))


def _parameters(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object.")
    return dict(value)


def _budget(value: Any) -> Decimal | None:
    try:
        amount = UsdField().to_python(None if value == "" else value)
    except ValidationError:
        raise ValueError("must be an amount in USD, such as 12.50, or empty.") from None
    if amount is not None and amount < 0:
        raise ValueError("must not be below 0.")
    return amount


_CLEANERS: Final[dict[str, Callable[[Any], Any]]] = {
    "enabled": _truth,
    "model": _model,
    "fallbacks": _fallbacks,
    "allow_local": _truth_or_none,
    "parameters": _parameters,
    "monthly_budget_usd": _budget,
}


_themes: dict[UUID, tuple[float, ThemeChoice]] = {}
_theme_drops = 0  # a row read before the last drop may be older than what was saved since


def theme_of(owner_id: UUID, *, unless: ThemeChoice | None = None) -> ThemeChoice:
    """Return how the pages look to the owner; the defaults where nothing was chosen.

    Held in this process for `THEME_MEMORY_S` and dropped when it is saved here. `unless` is what
    the caller believes to be chosen: where this process remembers something else, another one may
    have saved since, and the row is read again.
    """
    held = _themes.get(owner_id)
    if held is not None and held[0] >= time.monotonic() and unless in (None, held[1]):
        return held[1]
    drops = _theme_drops
    choice = _read_theme(owner_id)
    if len(_themes) >= MEMORY_OWNERS:
        _themes.clear()
    if drops == _theme_drops:
        _themes[owner_id] = (time.monotonic() + THEME_MEMORY_S, choice)
    return choice


def forget_theme(owner_id: UUID) -> None:
    """Drop what this process remembers of the owner's theme."""
    global _theme_drops  # noqa: PLW0603  one per process is the point
    _theme_drops += 1
    _themes.pop(owner_id, None)


def _read_theme(owner_id: UUID) -> ThemeChoice:
    names = [each.name for each in fields(ThemeChoice)]
    row = ThemePreference.objects.filter(owner_id=owner_id).values(*names).first()
    return ThemeChoice(**row) if row else ThemeChoice()


@transaction.atomic
def save_theme(
    *, owner: User, changes: Mapping[str, Any], by: User | None, now: datetime
) -> ThemeChoice:
    """Change how the pages look to the owner. Fields not named keep their values."""
    before = _read_theme(owner.pk)
    for name, value in changes.items():
        _check_look(name, value)
    after = ThemeChoice(**{**asdict(before), **changes})
    if after != before:
        ThemePreference.objects.update_or_create(
            owner=owner,
            defaults={**changes, "updated_at": now},  # not the rest: two controls may save at once
        )
        audit.record(
            "theme.saved",
            target=owner,
            by=by,
            owner=owner,
            before={name: getattr(before, name) for name in changes},
            after=dict(changes),
        )
        forget_theme(owner.pk)  # for reads inside this transaction; again below, for those beside
        transaction.on_commit(lambda: forget_theme(owner.pk))
    return after


def hide_checklist(*, owner: User, now: datetime) -> None:
    """Keep the first steps off the overview for good. The look stays what it is."""
    ThemePreference.objects.update_or_create(
        owner=owner, defaults={"is_checklist_hidden": True, "updated_at": now}
    )


def _check_look(name: str, value: Any) -> None:
    if name == "theme":
        if value not in ThemePreference.Theme.values:
            raise DomainError(f"theme must be one of {', '.join(ThemePreference.Theme.values)}.")
    elif name == "accent":
        accents = ThemePreference.Accent.values
        own_colour = isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value)
        if value not in accents and not own_colour:
            raise DomainError(
                f"accent must be one of {', '.join(accents)}, or a colour such as #3b82f6."
            )
    elif name in ("is_compact", "is_sidebar_folded"):
        if not isinstance(value, bool):
            raise DomainError(f"{name} must be yes or no.")
    else:
        raise DomainError(
            f"“{name}” is not part of a theme; use theme, accent, is_compact, is_sidebar_folded."
        )
