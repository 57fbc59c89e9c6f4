"""What a run was given, read without trust: its parameters may be of an older version, or odd."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.errors import DomainError
from operations import registry, validation
from operations.models import Run


class Given:
    """The parameters of a run; whatever is asked for and not there is empty."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.parameters = run.parameters if isinstance(run.parameters, Mapping) else {}

    def text(self, name: str) -> str:
        return text_of(self.parameters.get(name))

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Return the objects of a list, in their order."""
        value = self.parameters.get(name)
        return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []

    def by_id(self, name: str) -> dict[str, Mapping[str, Any]]:
        return {text_of(row.get("id")): row for row in self.rows(name)}

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the zone that was asked for, else the reader's."""
        try:
            return ZoneInfo(self.text("timezone") or str(timezone.get_current_timezone()))
        except (KeyError, ValueError, OSError):  # OSError: a directory of the tz database
            return ZoneInfo("UTC")

    def moment(self, value: Any) -> datetime | None:
        """Return a moment in the zone; a date alone is its first instant."""
        try:
            moment = datetime.fromisoformat(text_of(value))
            is_local = moment.tzinfo is None
            return moment.replace(tzinfo=self.zone) if is_local else moment.astimezone(self.zone)
        except (ValueError, OverflowError):  # no moment, or one at the end of all years
            return None

    def gathered(self) -> Mapping[str, Any]:
        """Return the parameters with Helix's own figures, as they stand now, up to the run.

        The figures themselves are not kept with the run. Costs a query.
        """
        operation = registry.get(self.run.operation)
        if operation.gather is None:
            return self.parameters
        try:
            parsed = validation.stored(operation, self.parameters)
        except DomainError:
            return self.parameters
        at = self.run.started_at or self.run.created_at
        return validation.to_json(operation.gather(self.run.owner, parsed, at))


def text_of(value: Any) -> str:
    """Return text as it is, numbers as text, and nothing for what is neither."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [text for each in value if (text := text_of(each))] if isinstance(value, list) else []
