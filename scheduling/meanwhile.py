"""What a form was opened with: by it, what somebody else saved meanwhile is seen and not lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from core.errors import DomainError
from scheduling.models import Schedule

FIELDS = {  # what a form may change, in the words that it has for them
    "name": "the name",
    "expression": "the cron expression",
    "zone": "the time zone",
    "gap": "“when clocks go forward”",
    "overlap": "“when clocks go back”",
    "parameters": "the parameters",
    "priority": "the priority",
}
LONGEST_VALUE = 160  # characters of a value in a sentence


class ChangedMeanwhile(DomainError):
    """The schedule is no longer what the form was opened with; `schedule` is what it is now."""

    def __init__(self, schedule: Schedule, fields: list[str]) -> None:
        told = "; ".join(
            f"{FIELDS[field]} {'are' if field == 'parameters' else 'is'} now "
            f"{_told(schedule, field)}"
            for field in fields
        )
        super().__init__(
            f"Changed elsewhere while this form was open: {told}. Nothing is saved yet. "
            "Save again to put what stands here in its place."
        )
        self.schedule = schedule


def mark_of(schedule: Schedule) -> str:
    """Return a short digest of each field: what a form carries along."""
    return ".".join(_digest(getattr(schedule, field)) for field in FIELDS)


def refuse_changed(schedule: Schedule, mark: str, changes: Mapping[str, Any]) -> None:
    """Refuse `changes` that would undo what is other than `mark` says; "" says nothing.

    Raises `ChangedMeanwhile`.
    """
    digests = mark.split(".")
    if len(digests) != len(FIELDS):  # no form of ours
        return
    lost = [
        field
        for field, digest in zip(FIELDS, digests, strict=True)
        if field in changes
        and digest != _digest(getattr(schedule, field))
        and changes[field] != getattr(schedule, field)
    ]
    if lost:
        raise ChangedMeanwhile(schedule, lost)


def _digest(value: Any) -> str:
    said = json.dumps(value, sort_keys=True, default=str)
    return blake2b(said.encode(), digest_size=6).hexdigest()


def _told(schedule: Schedule, field: str) -> str:
    if field == "parameters":
        said = json.dumps(schedule.parameters, ensure_ascii=False)
    elif field in ("gap", "overlap"):
        said = schedule.get_gap_display() if field == "gap" else schedule.get_overlap_display()
    else:
        said = str(getattr(schedule, field))
    said = said if len(said) <= LONGEST_VALUE else f"{said[: LONGEST_VALUE - 1]}…"
    return said if field == "priority" else f"“{said}”"
