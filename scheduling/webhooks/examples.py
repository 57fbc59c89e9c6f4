"""What a delivery has to bring for a schedule to run at all."""

from __future__ import annotations

from typing import Any

from operations import registry, validation
from operations.validation import InvalidParameters
from preferences import services as preferences
from scheduling.models import Schedule


def lacking(schedule: Schedule) -> dict[str, Any]:
    """Return examples of the parameters that the schedule leaves to its payload; {} for none."""
    try:
        definition = registry.get(schedule.operation)
    except registry.UnknownOperation:
        return {}
    defaults = preferences.lookup(schedule.owner_id, schedule.operation).parameters
    fixed = {**defaults, **schedule.parameters}
    try:
        validation.parse(definition, fixed)
    except InvalidParameters:
        example = definition.example or {}
        return {name: each for name, each in example.items() if name not in fixed}
    return {}
