"""Entries of the log as people read them: a sentence, who, and what was there before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import groupby
from typing import Any

from core import sentences
from core.sentences import Change, Named

NOTHING = "none"


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry as it was stored; `detail` is its text beside the chain, "" where it has none."""

    id: str
    seq: int
    at: datetime
    actor: str  # a name; "" for the system
    action: str
    target: str
    ip: str
    request_id: str
    hash: str
    detail: str
    fault: str = ""  # what is wrong with it, where something is


@dataclass(frozen=True)
class Value:
    """One value of a change; None stands for “not told”."""

    name: str
    before: str | None
    after: str | None

    @property
    def is_changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, kw_only=True)
class Entry:
    record: Record
    sentence: str
    named: Named | None
    values: Sequence[Value]

    @property
    def has_before(self) -> bool:
        return any(value.before is not None for value in self.values)

    @property
    def has_after(self) -> bool:
        return any(value.after is not None for value in self.values)


@dataclass(frozen=True)
class Day:
    date: date
    entries: Sequence[Entry]


def tell(record: Record, names: Mapping[str, Named]) -> Entry:
    """Return `record` in words; `names` holds what its target is called now, where it is known."""
    before, after = parts(record.detail)
    named = names.get(record.target)
    change = Change(
        action=record.action,
        target=record.target,
        name=named.name if named else "",
        before=before,
        after=after,
    )
    return Entry(
        record=record,
        sentence=sentences.tell(change),
        named=named,
        values=[
            Value(name, _said(before, name), _said(after, name))
            for name in dict.fromkeys([*before, *after])
        ],
    )


def by_day(entries: Sequence[Entry], zone: tzinfo) -> list[Day]:
    """Group entries, newest first, by the day on the clocks of `zone`."""
    days = groupby(entries, key=lambda entry: entry.record.at.astimezone(zone).date())
    return [Day(day, list(of_day)) for day, of_day in days]


def parts(detail: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a detail says was there before, and after."""
    try:
        told = json.loads(detail) if detail else {}
    except ValueError:  # somebody has edited it; the fault is told beside
        return {}, {"detail": detail}
    said = told if isinstance(told, dict) else {}
    return _mapping(said.get("before")), _mapping(said.get("after"))


def _mapping(part: Any) -> dict[str, Any]:
    return part if isinstance(part, dict) else {}


def _said(part: Mapping[str, Any], name: str) -> str | None:
    """Return the value as text; what has parts, as JSON."""
    if name not in part:
        return None
    value = part[name]
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return str(value)
