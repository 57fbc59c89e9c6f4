"""What a parameter type looks like to a form: kinds, labels, limits. Types in, values out."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from operations.parameters import Mail, Shown

LONG_TEXT: Final = 500  # characters; from here on a text gets several lines to write in
SHORT_NAMES: Final = frozenset({"subject", "title", "name"})  # one line, whatever their limit
MOST_BOXES: Final = 12  # a list of whole numbers from so few is ticked, not typed
MOST_ROWS: Final = 100  # a list that may be longer is edited as lines of text
LABELS: Final = {"emails": "E-mails", "email": "E-mail", "timezone": "Time zone"}
SINGULARS: Final = {"busy": "busy time", "series": "point", "emails": "e-mail"}
PLAIN: Final[dict[Any, str]] = {
    str: "text",
    bool: "truth",
    int: "whole",
    float: "number",
    Decimal: "number",
    datetime: "moment",
    date: "date",
    time: "time",
}
FLAT: Final = frozenset(
    {"text", "whole", "number", "moment", "date", "time", "clock", "zone", "choice", "mixed"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One parameter as a form shows it.

    `kind` is text, long, whole, number, truth, choice, mixed (a choice or a number), boxes (several
    of a few), moment, date, time, clock, zone, texts, pairs, object, list, or json for what no
    other fits. `name` is the one in JSON. `words` stand for numbers where one is pasted; what
    `refers` holds ids of other entries of its list.
    """

    kind: str
    name: str = ""
    label: str = ""
    help: str = ""
    is_required: bool = False
    is_nullable: bool = False
    default: Any = None
    choices: tuple[tuple[Any, str], ...] = ()
    words: tuple[tuple[str, int], ...] = ()
    refers: bool = False
    least: float | None = None
    most: float | None = None
    max_length: int | None = None
    model: type[BaseModel] | None = None
    item: Any = None  # the type of a list's entries
    fields: tuple[Shape, ...] = ()

    @property
    def singular(self) -> str:
        return SINGULARS.get(self.name, self.label.lower().removesuffix("s"))

    @property
    def is_mails(self) -> bool:
        return self.model is not None and issubclass(self.model, Mail)

    @property
    def columns(self) -> tuple[Shape, ...]:
        """Return the fields that a line of text can hold, in order; empty: no line can."""
        fits = all(each.kind in FLAT | {"long", "texts"} for each in self.fields)
        return tuple(each for each in self.fields if each.name != "id") if fits else ()

    @property
    def has_rows(self) -> bool:
        """Say whether each entry gets fields of its own, or all are lines of one text."""
        return not self.columns or (self.max_length or 0) <= MOST_ROWS

    @property
    def can_be_pasted(self) -> bool:
        return self.is_mails or bool(self.columns)


@cache
def shapes_of(model: type[BaseModel]) -> tuple[Shape, ...]:
    """Return a model's fields in order."""
    return tuple(_field(name, info) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo) -> Shape:
    shape = _read(info.annotation, info.metadata)
    name = info.alias or name
    label = info.title or LABELS.get(name) or name.replace("_", " ").capitalize()
    if shape.kind == "text" and (shape.max_length or LONG_TEXT) >= LONG_TEXT:
        kind = "text" if name in SHORT_NAMES else "long"
    else:
        kind = shape.kind
    return replace(
        shape,
        kind=kind,
        name=name,
        label=label,
        help=info.description or shape.help,
        is_required=info.is_required(),
        default=None if info.is_required() else _plain(info.get_default(call_default_factory=True)),
    )


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value


def _read(annotation: Any, metadata: Sequence[Any] = ()) -> Shape:
    metadata = _flat(metadata)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *own = get_args(annotation)
        return _read(inner, [*own, *metadata])
    if origin in (Union, types.UnionType):
        shape = _union(list(get_args(annotation)))
    elif origin is Literal:
        choices = tuple((each, _word(each)) for each in get_args(annotation))
        shape = Shape(kind="choice", choices=choices)
    elif origin is list:
        shape = replace(_list(_read(*get_args(annotation))), item=get_args(annotation)[0])
    elif origin is dict and _read(get_args(annotation)[1]).kind == "text":
        shape = Shape(kind="pairs")
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        shape = Shape(kind="object", model=annotation, fields=shapes_of(annotation))
    else:
        shape = Shape(kind=PLAIN.get(annotation, "json"))
    return _limited(shape, metadata)


def _flat(metadata: Sequence[Any]) -> list[Any]:
    """Return the constraints and hints of `metadata`, those inside `Field(…)` too."""
    flat: list[Any] = []
    for each in metadata:
        if isinstance(each, FieldInfo):
            flat += each.metadata
            if each.description:
                flat.append(limits.doc(each.description))
        else:
            flat.append(each)
    return flat


def _union(members: list[Any]) -> Shape:
    shapes = [_read(each) for each in members if each is not type(None)]
    is_nullable = len(shapes) < len(members)
    if len(shapes) == 1:
        return replace(shapes[0], is_nullable=is_nullable)
    kinds = {shape.kind for shape in shapes}
    if kinds <= {"choice", "whole", "number"} and "choice" in kinds:
        choices = tuple(choice for shape in shapes for choice in shape.choices)
        return Shape(kind="mixed", choices=choices, is_nullable=is_nullable)
    return Shape(kind="json", is_nullable=is_nullable)


def _list(item: Shape) -> Shape:
    if item.kind == "object":
        return Shape(kind="list", model=item.model, fields=item.fields)
    if item.choices:
        return Shape(kind="boxes", choices=item.choices)
    if item.kind == "whole" and item.least is not None and item.most is not None:
        values = range(int(item.least), int(item.most) + 1)
        if len(values) <= MOST_BOXES:
            return Shape(kind="boxes", choices=tuple((each, str(each)) for each in values))
    return Shape(kind="texts") if item.kind in {"text", "moment", "long"} else Shape(kind="json")


def _limited(shape: Shape, metadata: Sequence[Any]) -> Shape:
    changes: dict[str, Any] = {}
    for each in metadata:
        match each:
            case limits.Ge(ge=least):
                changes["least"] = least
            case limits.Le(le=most):
                changes["most"] = most
            case limits.MaxLen(max_length=length):
                changes["max_length"] = length
            case limits.DocInfo(documentation=text):
                changes["help"] = text
            case Shown(kind=kind, choices=choices, words=words, refers=refers):
                changes |= {"kind": kind} if kind else {}
                changes |= {"choices": choices} if choices else {}
                changes |= {"words": words, "refers": refers}
    return replace(shape, **changes) if changes else shape


def _word(value: Any) -> str:
    return str(value).replace("_", " ").replace("-", " ").capitalize()
