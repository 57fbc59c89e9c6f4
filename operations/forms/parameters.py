"""The form of an operation's parameters, made from their type."""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from pydantic import BaseModel

from operations import validation
from operations.forms import pasting
from operations.forms.fields import MISSING, JsonField, ParameterField, PasteField, read_json
from operations.forms.pasting import MOST_UNPACKED, Entry, Pasted
from operations.forms.shapes import MOST_ROWS, Shape, shapes_of
from operations.registry import Operation

VERBS: Final = ("add", "remove", "unpack", "as")
EXTRA: Final = frozenset({"id", "received_at", "headers"})  # of an entry: what few will type
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(slots=True)
class Node:
    """A part of the form as the template walks it: a field, an object, or a list of objects."""

    form: ParameterForm
    kind: str  # field, object, list
    shape: Shape
    name: str
    nodes: list[Node] = field(default_factory=list)
    sources: list[int | Entry] = field(default_factory=list)  # of a list's values: row or paste

    @property
    def bound(self) -> BoundField:
        return self.form[self.name]

    @property
    def paste(self) -> BoundField | None:
        name = f"{self.name}-paste"
        return self.form[name] if name in self.form.fields else None

    @property
    def id(self) -> str:
        return f"id_{self.form.add_prefix(self.name)}"

    @property
    def errors(self) -> list[str]:
        return [str(each) for each in self.form.errors.get(self.name, [])]

    @property
    def pasted(self) -> Pasted:
        return self.form.pasted(self)

    @property
    def is_required(self) -> bool:
        return self.shape.is_required and not self.form.is_partial

    @property
    def unpack_name(self) -> str:
        """Return the name of the button that makes rows of what is pasted; "": it stays text."""
        has_rows = self.kind == "list" and self.shape.has_rows
        return self.form.add_prefix("unpack") if has_rows else ""

    def read(self, text: str) -> Pasted:
        """Return what `text`, pasted into this list, is understood as."""
        return pasting.read(self.shape, text)

    @property
    def count_name(self) -> str:
        return self.form.add_prefix(f"{self.name}-count")

    @property
    def preview_name(self) -> str:
        return self.form.add_prefix(f"{self.name}-paste")

    @property
    def main(self) -> list[Node]:
        """Return the fields that an entry is mostly made of."""
        return [each for each in self.nodes if not each.is_extra]

    @property
    def extra(self) -> list[Node]:
        return [each for each in self.nodes if each.is_extra]

    @property
    def is_extra(self) -> bool:
        return self.shape.name in EXTRA

    @property
    def has_extra_value(self) -> bool:
        """Say whether one of the extra fields says more than a number in a row."""
        return any(
            each.has_errors or (each.shape.name != "id" and each.bound.value())
            for each in self.extra
            if each.kind == "field"
        )

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(each.has_errors for each in self.nodes)

    @property
    def summary(self) -> str:
        value = self.form.value_of(self, keeps_blanks=False)
        return Entry(0, value).summary if isinstance(value, dict) else ""

    @property
    def is_open(self) -> bool:
        return not self.summary or self.has_errors


class ParameterForm(forms.Form):
    """The fields of an operation's parameters; what they say is `parameters`, as JSON.

    Show it with `{% include "operations/_parameters.html" with parameters=form %}` inside a form
    element of yours, which may hold more. Its fields are called `parameters-…`: a form element
    with a field that is called `remove`, say, has lost its method of that name. Its buttons post
    `add`, `remove`, `unpack` and `as`: then `is_rearranged` is true, nothing was asked
    for yet, and the page is to be shown again with this form. So in a view::

        form = ParameterForm(definition, request.POST)
        if not form.is_rearranged and form.is_valid():
            services.do_it(parameters=form.parameters)

    `defaults` are the owner's, from the preferences: they are filled in at first, and hold where a
    field is left out, as in `services.submit`. `is_partial` is for such defaults themselves: every
    field may be left empty, nothing is validated here, and the service's `InvalidParameters` goes
    back onto the fields by `add_problems(refusal.problems)`. Fields left empty are not in
    `parameters`. `parsed` is the validated model where the form is valid and not partial;
    `is_too_large` says that the parameters are more than one run may hold.
    """

    _bound_fields_cache: dict[str, BoundField]
    _errors: forms.utils.ErrorDict | None
    use_required_attribute = False  # the buttons must work on a form that is half filled in

    def __init__(
        self,
        definition: Operation[Any],
        data: QueryDict | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        prefix: str = "parameters",
        is_partial: bool = False,
        as_json: bool = False,
    ) -> None:
        super().__init__(data, prefix=prefix or None)
        self.definition = definition
        self.defaults = dict(defaults or {})
        self.is_partial = is_partial
        self.is_rearranged = False
        self._keeps_rows = False
        self.parameters: dict[str, Any] = {}
        self.parsed: BaseModel | None = None
        self.is_too_large = False
        self._texts: dict[str, str] = {}  # of the boxes to paste into, while a form is rearranged
        start = {**self.defaults, **(initial or {})}
        if self.is_bound:
            self.is_json = self.data.get(self.add_prefix("mode")) == "json"
            self._build({})
            self._rearrange()
        else:
            self.is_json = as_json
            self._build(start)

    # --- what it is made of -----------------------------------------------------------------------

    def _build(self, value: Mapping[str, Any]) -> None:
        """Make the fields that show `value`; as JSON where they cannot show all of it."""
        self.fields.clear()
        self._bound_fields_cache.clear()
        model: type[BaseModel] = self.definition.parameters
        shape = Shape(
            kind="object",
            model=model,
            fields=shapes_of(model),
        )
        self.root = Node(self, "object", shape, "")
        if not self.is_json:
            self.is_json = not self._fill(self.root, value)
        if self.is_json:
            self.fields.clear()
            self.root.nodes.clear()
            is_plain = not pasting.can_be_shown(value)
            text = json.dumps(value, indent=2, ensure_ascii=is_plain) if value else ""
            self.fields["json"] = JsonField()
            self.fields["json"].initial = self._texts.pop("json", text)

    def _fill(self, node: Node, value: Any) -> bool:
        """Add the fields of the object `node`; False where they cannot show `value`."""
        if not isinstance(value, Mapping) or value.keys() - {
            each.name for each in node.shape.fields
        }:
            return False
        for shape in node.shape.fields:
            name = f"{node.name}-{shape.name}" if node.name else shape.name
            given = value.get(shape.name, None if self.is_partial else shape.default)
            child = Node(self, _node_kind(shape), shape, name)
            node.nodes.append(child)
            match child.kind:
                case "object":
                    if shape.is_mails:
                        text = self._texts.get(name, "")
                        self.fields[f"{name}-paste"] = PasteField(
                            shape, is_partial=self.is_partial, initial=text
                        )
                    fits = self._fill(child, {} if given is None else given)
                case "list":
                    fits = self._fill_list(child, [] if given is None else given)
                case _:
                    made = ParameterField(shape, is_partial=self.is_partial, initial=given)
                    self.fields[name] = made
                    fits = made.fits(given)
            if not fits:
                return False
        return True

    def _fill_list(self, node: Node, given: Any) -> bool:
        if not isinstance(given, list):
            return False
        shape, text = node.shape, self._texts.get(node.name, "")
        if shape.can_be_pasted and not text:
            is_long = not shape.has_rows or len(given) > MOST_UNPACKED
            if is_long and not self._keeps_rows:
                text, given = pasting.written(shape, given) if given else "", []
        if shape.can_be_pasted:
            self.fields[f"{node.name}-paste"] = PasteField(
                shape, is_partial=self.is_partial, initial=text
            )
        if not shape.has_rows:
            return True
        if self.is_bound:
            given = [{}] * self._count(node)
        elif not given and not shape.can_be_pasted and shape.is_required:
            given = [{}]
        for number, each in enumerate(given):
            row_shape = replace(shape, kind="object", name=str(number))
            row = Node(self, "object", row_shape, f"{node.name}-{number}")
            node.nodes.append(row)
            if not self._fill(row, self._as_object(shape, each)):
                return False
        return True

    @staticmethod
    def _as_object(shape: Shape, value: Any) -> Any:
        """Return an entry as an object: text alone stands for its title, or its body."""
        if not isinstance(value, str):
            return value
        names = [each.name for each in shape.fields]
        main = next((name for name in ("title", "body") if name in names), names[0])
        return {main: value}

    def _count(self, node: Node) -> int:
        try:
            count = int(self.data.get(node.count_name, "0"))
        except ValueError:
            return 0
        return max(0, min(count, node.shape.max_length or MOST_ROWS, MOST_ROWS))

    @property
    def shown(self) -> dict[str, Any]:
        """Return the JSON that an unbound form is filled in with."""
        value = self._raw() if self.is_json else self.value_of(self.root, keeps_blanks=False)
        return value if isinstance(value, dict) else {}

    @property
    def nodes(self) -> list[Node]:
        return self.root.nodes

    def lists(self) -> Iterator[Node]:
        """Yield the lists that can be pasted into, and a mail that can."""
        stack = [self.root]
        while stack:
            node = stack.pop()
            stack += node.nodes
            if node.paste is not None:
                yield node

    def list_called(self, name: str) -> Node | None:
        return next((node for node in self.lists() if node.name == name), None)

    @property
    def names_zones(self) -> bool:
        return any(
            getattr(each, "shape", _NO_SHAPE).kind == "zone" for each in self.fields.values()
        )

    @property
    def zones(self) -> list[str]:
        return _zones()

    @property
    def mode_name(self) -> str:
        return self.add_prefix("mode")

    @property
    def verbs(self) -> dict[str, str]:
        """Return the names of its buttons, with the prefix."""
        return {verb: self.add_prefix(verb) for verb in VERBS}

    # --- its own buttons --------------------------------------------------------------------------

    def _rearrange(self) -> None:
        verb = next((each for each in VERBS if self.add_prefix(each) in self.data), "")
        if not verb:
            return
        target = str(self.data[self.add_prefix(verb)])
        value = self._raw()
        if value is None:  # text that is no JSON: it stays, with what is wrong in it
            return
        if verb == "as":
            if not self.is_json:
                said = self.value_of(self.root, keeps_blanks=False)
                value = {} if said is MISSING else said
            self.is_json = target == "json"
        else:
            self._texts = {
                node.name: str(node.paste.value() or "") for node in self.lists() if node.paste
            }
            self._change_list(verb, target, value)
        self.is_rearranged = True
        self._keeps_rows = verb != "as"
        self.is_bound = False
        self.data = MultiValueDict()
        self._pasted.clear()
        self._build(value)

    def _raw(self) -> dict[str, Any] | None:
        """Return what was posted, unvalidated, with blank fields and rows as they are."""
        if not self.is_json:
            value = self.value_of(self.root, keeps_blanks=True)
            return value if isinstance(value, dict) else {}
        text = str(self["json"].value() or "")
        try:
            value = read_json(text) if text.strip() else {}
        except forms.ValidationError:
            return None
        return value if isinstance(value, dict) and pasting.can_be_shown(value) else None

    def _change_list(self, verb: str, target: str, value: dict[str, Any]) -> None:
        name, _, number = target.rpartition("-") if verb == "remove" else (target, "", "")
        node = next((each for each in self._all_lists() if each.name == name), None)
        if node is None:
            return
        rows = self._rows_at(value, name)
        if rows is None:
            return
        if verb == "remove":
            if number.isdigit() and int(number) < len(rows):
                del rows[int(number)]
        elif verb == "add":
            if len(rows) < min(node.shape.max_length or MOST_ROWS, MOST_ROWS):
                rows.append({})
        elif not node.pasted.problems and len(rows) + len(node.pasted.values) <= MOST_UNPACKED:
            rows += node.pasted.values
            self._texts[name] = ""

    def _all_lists(self) -> Iterator[Node]:
        stack = [self.root]
        while stack:
            node = stack.pop()
            stack += node.nodes
            if node.kind == "list" and node.shape.has_rows:
                yield node

    @staticmethod
    def _rows_at(value: Any, name: str) -> list[Any] | None:
        """Return the list called `name` (“window-busy”, “teams-0-people”) inside `value`."""
        for step in name.split("-"):
            if isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            elif isinstance(value, dict):
                value = value.setdefault(step, [])
            else:
                return None
        return value if isinstance(value, list) else None

    # --- what it says -----------------------------------------------------------------------------

    def value_of(self, node: Node, *, keeps_blanks: bool) -> Any:
        """Return the JSON that `node` says, or `MISSING`; text that no JSON can be stays as it is.

        With `keeps_blanks` empty fields are None, and rows without a word stay.
        """
        if node.kind == "field":
            return self._scalar(node, keeps_blanks=keeps_blanks)
        if node.kind == "list":
            return self._list(node, keeps_blanks=keeps_blanks)
        values = {
            each.shape.name: self.value_of(each, keeps_blanks=keeps_blanks) for each in node.nodes
        }
        kept = {name: value for name, value in values.items() if value is not MISSING}
        if node.paste is not None and not keeps_blanks and len(node.pasted.values) == 1:
            kept = {**node.pasted.values[0], **kept}  # what is typed has the last word
        return kept if kept or keeps_blanks else MISSING

    def _scalar(self, node: Node, *, keeps_blanks: bool) -> Any:
        made = self.fields[node.name]
        assert isinstance(made, ParameterField)  # noqa: S101  all of them are
        bound = self[node.name]
        raw = bound.data if self.is_bound else bound.value()
        try:
            value = made.to_json(raw)
        except forms.ValidationError:
            value = raw
        return None if value is MISSING and keeps_blanks else value

    def _list(self, node: Node, *, keeps_blanks: bool) -> Any:
        rows = [self.value_of(row, keeps_blanks=keeps_blanks) for row in node.nodes]
        if keeps_blanks:
            return rows
        node.sources = [number for number, row in enumerate(rows) if not _is_blank(row, node.shape)]
        values = [rows[number] for number in node.sources if isinstance(number, int)]
        if node.shape.can_be_pasted:
            node.sources += node.pasted.entries
            values += node.pasted.values
        _number(values, node.shape)
        _refer(values, node.shape)
        return values or MISSING

    @cached_property
    def _pasted(self) -> dict[str, Pasted]:
        return {}

    def pasted(self, node: Node) -> Pasted:
        if node.name not in self._pasted:
            text = str(node.paste.value() or "") if node.paste else ""
            self._pasted[node.name] = node.read(text)
        return self._pasted[node.name]

    def clean(self) -> dict[str, Any]:
        """Gather the parameters and validate them by the one rule."""
        if self.is_json:
            self.parameters = self._clean_json()
        else:
            for node in self.lists():
                for problem in node.pasted.problems:
                    self.add_error(f"{node.name}-paste", problem)
                if node.kind == "object" and len(node.pasted.entries) > 1:
                    many = f"These are {len(node.pasted.entries)} {node.pasted.nouns}; paste one."
                    self.add_error(f"{node.name}-paste", many)
            for name, made in self.fields.items():
                if isinstance(made, ParameterField):
                    self._clean_field(name, made)
            value = self.value_of(self.root, keeps_blanks=False)
            self.parameters = {} if value is MISSING else value
        if not self.errors and not self.is_partial:
            try:
                given = {**self.defaults, **self.parameters}
                self.parsed = validation.parse(self.definition, given)
            except validation.InvalidParameters as refusal:
                self.is_too_large = isinstance(refusal, validation.TooLarge)
                self.add_problems(refusal.problems)
        return self.cleaned_data

    def _clean_json(self) -> dict[str, Any]:
        text = str(self.cleaned_data.get("json") or "")
        if not text.strip():
            return {}
        try:
            value = read_json(text)
        except forms.ValidationError as error:
            self.add_error("json", error)
            return {}
        if not isinstance(value, dict):
            self.add_error("json", "This must be an object, {…}.")
            return {}
        return value

    def _clean_field(self, name: str, made: ParameterField) -> None:
        try:
            made.to_json(self.cleaned_data.get(name))
        except forms.ValidationError as error:
            self.add_error(name, error)

    # --- what is wrong with it --------------------------------------------------------------------

    def add_problems(self, problems: Mapping[str, str]) -> None:
        """Put the problems of `InvalidParameters` onto the fields that they are about."""
        for path, problem in problems.items():
            if self.is_json:
                self.add_error("json", f"{_capitalised(path)} {problem}.")
            else:
                self._add_problem(path, problem)

    def focus_on_error(self) -> None:
        """Let the first field with an error have the focus when the form is shown."""
        name = next((name for name in self.fields if name in self.errors), None)
        if name is not None:
            self.fields[name].widget.attrs["autofocus"] = True

    def _add_problem(self, path: str, problem: str) -> None:
        steps = [number or name for number, name in _STEP.findall(path)]
        node = self.root
        while steps:
            child = next((each for each in node.nodes if each.shape.name == steps[0]), None)
            if node.kind == "list" and steps[0].isdigit():
                place = int(steps[0])
                source = node.sources[place] if place < len(node.sources) else place
                if isinstance(source, Entry):
                    told = pasting.about(node.shape, source, place + 1, steps[1:], problem)
                    self.add_error(f"{node.name}-paste", told)
                    return
                child = node.nodes[source] if source < len(node.nodes) else None
            if child is None:
                break
            node, steps = child, steps[1:]
        if node is self.root:
            self.add_error(None, f"{_capitalised(path)} {problem}.")
            return
        named = [step for step in steps if not step.isdigit()]
        told = f"{' '.join(named)} {problem}." if named else f"This {problem}."
        if node.kind == "field":
            self.add_error(node.name, told)
        elif node.kind == "list" and node.paste and not node.nodes:
            self.add_error(f"{node.name}-paste", told)
        else:
            assert self._errors is not None  # noqa: S101  while it is cleaned, or after
            self._errors.setdefault(node.name, self.error_class()).append(told)


_NO_SHAPE: Final = Shape(kind="")


def _node_kind(shape: Shape) -> str:
    return shape.kind if shape.kind in {"object", "list"} else "field"


def _is_blank(row: Any, shape: Shape) -> bool:
    """Say whether a row says nothing but what a new one says."""
    if row is MISSING:
        return True
    defaults = {each.name: each.default for each in shape.fields}
    return isinstance(row, dict) and all(
        value in (None, False, "") or value == defaults.get(name) for name, value in row.items()
    )


def _number(values: list[Any], shape: Shape) -> None:
    """Give entries that need an id and have none the number of their place."""
    if not any(each.name == "id" and each.is_required for each in shape.fields):
        return
    taken = {str(value["id"]) for value in values if isinstance(value, dict) and value.get("id")}
    for place, value in enumerate(values, start=1):
        if isinstance(value, dict) and value.get("id") in (None, ""):
            number = place
            while str(number) in taken:
                number += len(values)
            value["id"] = str(number)
            taken.add(str(number))


def _refer(values: list[Any], shape: Shape) -> None:
    """Turn the titles by which entries call each other into ids."""
    names = [each.name for each in shape.fields if each.refers]
    entries = [value for value in values if isinstance(value, dict)]
    ids = {str(entry.get("id")) for entry in entries}
    by_title = {pasting.title_of(entry): str(entry.get("id")) for entry in reversed(entries)}
    for name in names:
        for entry in entries:
            called = entry.get(name)
            if isinstance(called, list):
                entry[name] = [
                    by_title.get(pasting.title_of({"title": each}), each)
                    if isinstance(each, str) and each not in ids and each.strip()
                    else each
                    for each in called
                ]


def _capitalised(path: str) -> str:
    return path[:1].upper() + path[1:80]


@cache
def _zones() -> list[str]:
    return sorted(each for each in zoneinfo.available_timezones() if "/" in each or each == "UTC")
