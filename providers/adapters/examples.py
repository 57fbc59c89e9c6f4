"""Made-up values of a type, for the simulated provider: valid, always the same, and marked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from providers.protocol import RequestRefused

MARK = "simulated"
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": f"{MARK}@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
Schema = Mapping[str, Any]


@lru_cache(maxsize=64)
def example_json(kind: type[BaseModel]) -> str:
    """Return a valid `kind` as JSON. Lists have one item, fields with a default keep it."""
    schema = kind.model_json_schema()
    try:
        example = kind.model_validate(_value(schema, schema.get("$defs", {})))
    except ValidationError as error:
        raise RequestRefused(
            f"The simulated provider cannot make up a {kind.__name__}: {error}"
        ) from error
    return example.model_dump_json()


def _value(schema: Schema, kinds: Mapping[str, Schema]) -> Any:
    schema = _plainly(schema, kinds)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {name: _value(schema["properties"][name], kinds) for name in required}
        case "array":
            return _items(schema, kinds)
        case "string":
            return _text(schema)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return False
    return None


def _plainly(schema: Schema, kinds: Mapping[str, Schema]) -> Schema:
    """Return `schema` with references followed and the first of several choices taken."""
    while True:
        if "$ref" in schema:
            schema = kinds[schema["$ref"].rpartition("/")[2]]
            continue
        choices = next((schema[key] for key in ("anyOf", "oneOf", "allOf") if key in schema), None)
        if choices is None:
            return schema
        schema = choices[0]


def _items(schema: Schema, kinds: Mapping[str, Schema]) -> list[Any]:
    if "prefixItems" in schema:
        return [_value(item, kinds) for item in schema["prefixItems"]]
    count = min(max(schema.get("minItems", 0), 1), schema.get("maxItems", 1))
    return [_value(schema.get("items", {"type": "string"}), kinds) for _ in range(count)]


def _text(schema: Schema) -> str:
    text = _FORMATS.get(schema.get("format", ""), MARK)
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _number(schema: Schema) -> float:
    """Return the smallest number in the bounds, or 1 where there is no lower one."""
    step = schema.get("multipleOf", 1 if schema["type"] == "integer" else 0.5)
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    if "exclusiveMinimum" in schema:
        lowest = schema["exclusiveMinimum"]
        room = None if highest is None else (highest - lowest) / 2
        return float(lowest + step) if room is None or step <= room else float(lowest + room)
    if "minimum" in schema:
        return float(schema["minimum"])
    return 1 if highest is None else min(1, float(highest) - step)
