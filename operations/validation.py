"""Parameters from outside: JSON that may be hostile, turned into an operation's own type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import DomainError
from operations.registry import Operation

LARGEST_BYTES = 256 * 1024
DEEPEST = 20
LARGEST_NUMBER = 1e15  # beyond it a float no longer tells neighbouring whole numbers apart
TOLD_AT_ONCE = 5  # a sentence with more errors is not read


class InvalidParameters(DomainError):
    """The parameters do not fit the operation. `problems` maps a field's path to what is wrong."""

    def __init__(self, operation: str, problems: Mapping[str, str]) -> None:
        told = [f"{path[:80]} {problem}" for path, problem in problems.items()][:TOLD_AT_ONCE]
        rest = len(problems) - len(told)
        more = f"; and {rest} more" if rest else ""
        super().__init__(f"{operation}: {'; '.join(told)}{more}.")
        self.problems = dict(problems)


class TooLarge(InvalidParameters):
    """The parameters are longer than one run may be."""


def parse(operation: Operation[Any], parameters: Any) -> BaseModel:
    """Return `parameters` as the operation's type, or raise `InvalidParameters` naming each field.

    `parameters` must be JSON as PostgreSQL can store it: no NaN or infinity, no NUL, no half of a
    surrogate pair, at most 256 KiB.
    """
    if not isinstance(parameters, Mapping):
        raise InvalidParameters(operation.slug, {"parameters": "must be an object, {…}"})
    problems = unstorable(parameters)
    if problems:
        raise InvalidParameters(operation.slug, problems)
    size = _size(operation, parameters)
    parsed = stored(operation, parameters)
    if size > LARGEST_BYTES // 2:
        # With its defaults filled in it is longer; what is accepted now must still fit when the
        # stored form is read again.
        _size(operation, to_json(parsed))
    return parsed


def stored(operation: Operation[Any], parameters: Mapping[str, Any]) -> BaseModel:
    """Return parameters that were accepted before and come from our own row.

    The operation may have changed since: then `InvalidParameters` names the field.
    """
    try:
        parsed: BaseModel = operation.parameters.model_validate(parameters)
    except ValidationError as error:
        raise InvalidParameters(operation.slug, problems_of(error, operation.parameters)) from None
    return parsed


def _size(operation: Operation[Any], parameters: Any) -> int:
    size = len(json.dumps(parameters, ensure_ascii=False).encode())
    if size > LARGEST_BYTES:
        told = (
            f"must be at most 256 KiB and are {size / 1024:,.0f} KiB; split them into several runs"
        )
        raise TooLarge(operation.slug, {"parameters": told})
    return size


def to_json(parameters: BaseModel) -> dict[str, Any]:
    """Return what a run stores: defaults filled in, moments as text, names as in the design."""
    return parameters.model_dump(mode="json", by_alias=True)


def unstorable(parameters: Mapping[str, Any], *, largest: float = LARGEST_NUMBER) -> dict[str, str]:
    """Return the fields that JSON or PostgreSQL cannot hold; walks without recursion."""
    problems: dict[str, str] = {}
    stack: list[tuple[str, Any, int]] = [("", parameters, 0)]
    while stack and len(problems) <= TOLD_AT_ONCE:
        path, value, depth = stack.pop()
        if depth > DEEPEST:
            problems[path] = f"is nested deeper than {DEEPEST} levels"
        elif isinstance(value, Mapping):
            for key, each in value.items():
                wrong = _wrong_text(key) if isinstance(key, str) else "must be text"
                if wrong:
                    problems[path or "parameters"] = f"has a name that {wrong}"
                else:
                    stack.append((f"{path}.{key}" if path else key, each, depth + 1))
        elif isinstance(value, list):
            stack.extend((f"{path}[{n}]", each, depth + 1) for n, each in enumerate(value))
        else:
            wrong = _wrong_scalar(value, largest)
            if wrong:
                problems[path] = wrong
    return problems


def _wrong_scalar(value: Any, largest: float) -> str:
    if isinstance(value, str):
        return _wrong_text(value)
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        fits = -largest <= value <= largest  # False for NaN as well
        return "" if fits else f"must be a finite number of at most {largest:.0e}".replace("+", "")
    return f"must be JSON, not {type(value).__name__}"


def _wrong_text(text: str) -> str:
    if "\x00" in text:
        return "must not contain the character NUL"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "contains half of a surrogate pair; send it as valid Unicode"
    return ""


def problems_of(error: ValidationError, model: type[BaseModel]) -> dict[str, str]:
    """Return what is wrong, by the path of the field."""
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = _path(detail["loc"]) or "parameters"
        problems.setdefault(path, _sentence(detail, model))
    return problems


def _path(location: tuple[int | str, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(steps).removeprefix(".")


_SENTENCES = {
    "missing": "is required",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be one of {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries and has {actual_length}",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "value_error": "{error}",
}


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        if len(detail["loc"]) > 1:
            return "is not known here; remove it"
        names = (field.alias or name for name, field in model.model_fields.items())
        return f"is not a parameter; there are {', '.join(names)}"
    pattern = _SENTENCES.get(detail["type"])
    if pattern is None:
        return f"is refused: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    context = detail.get("ctx", {})
    if detail["type"] == "literal_error":
        context = {"expected": str(context["expected"]).replace("'", "")}
    return pattern.format_map(context)
