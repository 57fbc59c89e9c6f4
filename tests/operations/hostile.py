"""Results and parameters as an attacker would have a model write them, for every operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError

from operations import validation
from operations.registry import Operation

TRAP = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    "<a href=javascript:window.pwned=1>x</a>{{ 7|add:7 }}${7*7}\u202egpj.exe\u2066"
)
LONG_LINE = TRAP + "W" * 100_000
SIZES = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 300, 200)


def parameters_of(operation: Operation[Any]) -> dict[str, Any]:
    """Return the example's parameters with a trap in every text that takes one; ids stay."""
    given = validation.to_json(operation.parameters.model_validate(operation.example))
    return trapped(operation.parameters, given)


def result_of(operation: Operation[Any]) -> dict[str, Any]:
    """Return what the rules answer to the example, with a trap in every text that takes one."""
    assert operation.rules is not None
    given = validation.to_json(operation.parameters.model_validate(operation.example))
    if operation.slug == "calendar-time":
        given["now"] = "2030-11-20T09:00:00+01:00"
    result = operation.rules(given)
    if operation.slug == "analytics-summary":
        result["metrics"][TRAP] = 1.0
    return trapped(operation.result, result)


def trapped(model: type[BaseModel], value: dict[str, Any]) -> dict[str, Any]:
    """Put the longest trap that is still valid in place of each text, one after the other."""

    def is_valid() -> bool:
        try:
            model.model_validate(value)
        except ValidationError:
            return False
        return True

    assert is_valid()
    _walk(value, is_valid)
    return value


def _walk(value: Any, is_valid: Callable[[], bool]) -> None:
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, each in entries:
        if isinstance(each, dict | list):
            _walk(each, is_valid)
        elif isinstance(each, str) and key not in ("id", "event_id"):
            for size in SIZES:
                value[key] = LONG_LINE[:size] if size > len(TRAP) else TRAP[:size]
                if is_valid():
                    break
            else:
                value[key] = each
