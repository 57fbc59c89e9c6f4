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
    """Return a valid `kind` as JSON. Fields with a default keep it; lists have an item.

    Where items cannot be made up, because validators ask for more than the schema says, lists are
    as short as allowed.
    """
    for items in (1, 0):
        try:
            return kind.model_validate(_Maker(kind, items).make()).model_dump_json()
        except ValidationError as error:
            reason = str(error)
    raise RequestRefused(f"The simulated provider cannot make up a {kind.__name__}: {reason}")


class _Maker:
    def __init__(self, kind: type[BaseModel], items: int) -> None:
        self._schema: Schema = kind.model_json_schema()
        self._kinds: Mapping[str, Schema] = self._schema.get("$defs", {})
        self._least_items = items

    def make(self) -> Any:
        return self._value(self._schema)

    def _value(self, schema: Schema) -> Any:
        schema = self._plainly(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                return {name: self._value(fields[name]) for name in schema.get("required", ())}
            case "array":
                return self._items(schema)
            case "string":
                return _text(schema)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return False
        return None

    def _plainly(self, schema: Schema) -> Schema:
        """Return `schema` with references followed and the first of several choices taken."""
        while True:
            if "$ref" in schema:
                schema = self._kinds[schema["$ref"].rpartition("/")[2]]
                continue
            choice = next((key for key in ("anyOf", "oneOf", "allOf") if key in schema), None)
            if choice is None:
                return schema
            schema = schema[choice][0]

    def _items(self, schema: Schema) -> list[Any]:
        if "prefixItems" in schema:
            return [self._value(item) for item in schema["prefixItems"]]
        few = min(self._least_items, schema.get("maxItems", self._least_items))
        count = max(schema.get("minItems", 0), few)
        return [self._value(schema.get("items", {"type": "string"})) for _ in range(count)]


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
