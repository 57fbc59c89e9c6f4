"""The fields that parameters are typed into. None refuses anything but what no JSON can be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField

from operations.forms.pasting import number_of
from operations.forms.shapes import Shape

MISSING: Final = object()  # left out of the JSON, so that the default holds
A_MOMENT: Final = "2026-03-30 or 2026-03-30T09:00"
EXAMPLES: Final = {"moment": A_MOMENT, "clock": "09:00", "zone": "Europe/Berlin"}
INPUT_TYPES: Final = {"date": "date", "time": "time", "whole": "number", "number": "number"}
TEXT_ROWS: Final = {"long": 3, "texts": 2, "pairs": 2, "json": 5}
SMALL_TEXT: Final = 5_000  # characters; longer texts get more lines to be read in
WIDE: Final = frozenset({"long", "texts", "pairs", "json", "boxes"})


class ParameterField(forms.Field):
    """One value of the parameters: its text as typed, and the JSON that it means."""

    def __init__(self, shape: Shape, *, is_partial: bool, initial: Any = None) -> None:
        self.shape = shape
        self.is_partial = is_partial
        super().__init__(
            required=not is_partial and _is_expected(shape),
            widget=_widget(shape, is_partial=is_partial),
            label=shape.label,
            help_text=_help(shape),
            initial=initial,
        )

    def validate(self, value: Any) -> None:
        """Leave it to `operations.validation`, the one rule."""

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        return ParameterBoundField(form, self, field_name)

    def prepare_value(self, value: Any) -> Any:
        """Return JSON, or what was posted, as the widget shows it."""
        kind = self.shape.kind
        if isinstance(value, list) and kind == "texts":
            return "\n".join(map(str, value))
        if isinstance(value, dict) and kind == "pairs":
            return "\n".join(f"{name}: {text}" for name, text in value.items())
        if kind == "json" and value is not None and not isinstance(value, str):
            return json.dumps(value, indent=2, ensure_ascii=False)
        if self.shape.words and isinstance(value, str):
            return dict(self.shape.words).get(value.strip().lower(), value)
        if kind == "truth" and isinstance(value, bool) and self.is_partial:
            return "true" if value else "false"
        return value

    def fits(self, value: Any) -> bool:
        """Say whether the widget can show `value`, so that it reads back as it was."""
        if value is None or isinstance(value, str) or self.shape.kind == "json":
            return True
        match self.shape.kind:
            case "truth":
                return isinstance(value, bool)
            case "boxes":
                return isinstance(value, list)
            case "texts":
                return isinstance(value, list) and all(_is_line(each) for each in value)
            case "pairs":
                return isinstance(value, dict) and all(_is_line(each) for each in value.values())
        return isinstance(value, int | float) and not isinstance(value, bool)

    def to_json(self, value: Any) -> Any:
        """Return the JSON of a posted value, or `MISSING` where nothing was said.

        Raises `ValidationError` for text that is none; a wrong value is for validation to refuse.
        """
        kind = self.shape.kind
        if kind == "boxes":
            values = [number_of(str(each)) for each in value or []]
            return MISSING if self.is_partial and not values else values
        if kind == "truth" and not self.is_partial:
            return bool(value)
        text = str(value or "")
        if not text.strip():
            return None if self.shape.is_required and self.shape.is_nullable else MISSING
        reader = READERS.get(kind)
        return reader(self.shape, text) if reader else text


def _is_expected(shape: Shape) -> bool:
    """Say whether a page should not call the field optional: it is required, or filled in."""
    if shape.name == "id":
        return False  # left out, it is numbered
    return shape.is_required or shape.default not in (None, "", [], {})


class OpenSelect(forms.Select):
    """Words to choose from; a number of one's own, from JSON or an earlier run, stays there too."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> Any:
        groups = super().optgroups(name, value, attrs)
        known = {str(choice) for choice, _ in self.choices}
        for each in value:
            if each and each not in known:
                option = self.create_option(name, each, each, selected=True, index=len(groups))
                groups.append((None, [option], len(groups)))
        return groups


class ParameterBoundField(BoundField):
    field: ParameterField

    def css_classes(self, extra_classes: Any = None) -> str:
        shape = self.field.shape
        wide = "field--wide" if shape.kind in WIDE else ""
        return " ".join(filter(None, [super().css_classes(extra_classes), wide]))


def _is_line(value: Any) -> bool:
    return isinstance(value, str | int) and "\n" not in str(value)


class JsonField(forms.CharField):
    """All parameters as one text."""

    def __init__(self) -> None:
        super().__init__(
            strip=False,
            label="Parameters as JSON",
            widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "mono"}),
        )
        self.validators = []


class PasteField(forms.CharField):
    """Text in which many entries are pasted at once."""

    def __init__(self, shape: Shape, *, is_partial: bool, initial: str = "") -> None:
        rows = 8 if shape.is_mails else 5
        label = f"Paste {shape.label.lower()}" if shape.has_rows or shape.is_mails else shape.label
        if shape.kind == "object":
            label = "Paste it as it came"
        super().__init__(
            required=(shape.is_required or shape.has_rows) and not is_partial,
            strip=False,
            label=label,
            help_text=paste_help(shape),
            initial=initial,
            widget=forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "class": "mono"}),
        )
        self.validators = []  # what may be in it is for `operations.validation` to say

    def validate(self, value: Any) -> None:
        """Leave it to `operations.validation`: there may be rows instead."""

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        return PasteBoundField(form, self, field_name)


class PasteBoundField(BoundField):
    def css_classes(self, extra_classes: Any = None) -> str:
        return f"{super().css_classes(extra_classes)} field--wide".strip()


def paste_help(shape: Shape) -> str:
    """Say what may be pasted, by an example where that is shorter."""
    if shape.kind == "object":
        return (
            "With its “From:” and “Subject:” lines, a blank line and its text; or fill it in below."
        )
    if shape.is_mails:
        return (
            "Raw mails one after another, each with its “From:” and “Subject:” lines, a blank "
            "line and its text. Forwards, exports of a mailbox and JSON are read too."
        )
    names = [each.label.lower() for each in shape.columns]
    if all(each.kind == "moment" for each in shape.columns):
        lines = "One a line: 2026-11-23T09:00 to 2026-11-23T10:30."
    elif shape.columns[0].kind in {"text", "long"}:
        lines = f"One a line: {' | '.join(names)}. Only the first is needed."
    else:
        lines = f"One a line: {', '.join(names)}."
    told = "" if shape.has_rows or not shape.help else f"{shape.help} "
    return f"{told}{lines} JSON is read too."


def read_json(text: str) -> Any:
    """Return what the JSON `text` says, or raise a `ValidationError` that names the line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise forms.ValidationError(
            f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg.lower()}."
        ) from None
    except RecursionError:
        raise forms.ValidationError("This JSON is nested too deeply.") from None
    except ValueError:  # a whole number of thousands of digits
        raise forms.ValidationError("This JSON holds a number that is too long.") from None


def _mixed(shape: Shape, text: str) -> Any:
    names = {name for name, _ in shape.choices}
    return text.strip() if text.strip() in names else number_of(text)


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise forms.ValidationError(f"Line {number} must be a name, a colon and a value.")
        pairs[name.strip()] = value.strip()
    return pairs


def _help(shape: Shape) -> str:
    if shape.name == "id" and shape.is_required:
        return shape.help or "Numbered by itself where empty."
    if shape.kind == "texts":
        return f"{shape.help} One a line.".strip()
    if shape.kind == "pairs":
        return shape.help or "One a line: List-Unsubscribe: <https://example.org/stop>"
    if shape.kind == "moment" and shape.help.startswith("A date, or a moment"):
        return ""  # the type's own words; the example in the field says it shorter
    return shape.help


def _widget(shape: Shape, *, is_partial: bool) -> forms.Widget:
    attrs: dict[str, Any] = {}
    if shape.kind in EXAMPLES:
        attrs["placeholder"] = EXAMPLES[shape.kind]
    if is_partial and shape.default not in (None, "", []):
        attrs["placeholder"] = str(shape.default)
    if shape.kind in TEXT_ROWS:
        is_large = shape.kind == "long" and (shape.max_length or 0) > SMALL_TEXT
        attrs["rows"] = TEXT_ROWS[shape.kind] + (2 if is_large else 0)
        return forms.Textarea(attrs=attrs)
    match shape.kind:
        case "mixed":
            return OpenSelect(choices=_options(shape, is_partial=is_partial))
        case "choice":
            return forms.Select(choices=_options(shape, is_partial=is_partial))
        case "truth":
            return _truth_widget(shape, is_partial=is_partial)
        case "boxes":
            return forms.CheckboxSelectMultiple(choices=shape.choices)
        case "whole" | "number":
            step = 1 if shape.kind == "whole" else "any"
            limits = {"min": shape.least, "max": shape.most, "step": step}
            attrs |= {name: value for name, value in limits.items() if value is not None}
        case "zone":
            attrs |= {"list": "zones", "autocomplete": "off"}
    widget = forms.TextInput(attrs=attrs)
    widget.input_type = INPUT_TYPES.get(shape.kind, "text")
    return widget


def _truth_widget(shape: Shape, *, is_partial: bool) -> forms.Widget:
    if not is_partial:
        return forms.CheckboxInput()
    empty = "Default (yes)" if shape.default else "Default (no)"
    return forms.Select(choices=[("", empty), ("true", "Yes"), ("false", "No")])


def _options(shape: Shape, *, is_partial: bool) -> list[tuple[Any, str]]:
    options: list[tuple[Any, str]] = list(shape.choices)
    words = dict(shape.choices)
    if is_partial:
        return [("", f"Default ({words.get(shape.default, 'none')})"), *options]
    if shape.is_required or shape.default is not None:
        return options
    return [("", "None"), *options]


READERS: Final[Mapping[str, Callable[[Shape, str], Any]]] = {
    "truth": lambda shape, text: {"true": True, "false": False}.get(text, text),
    "whole": lambda shape, text: number_of(text),
    "number": lambda shape, text: number_of(text),
    "mixed": _mixed,
    "choice": lambda shape, text: next(
        (name for name, _ in shape.choices if str(name) == text), text
    ),
    "texts": lambda shape, text: [line.strip() for line in text.splitlines() if line.strip()],
    "pairs": lambda shape, text: _pairs(text),
    "json": lambda shape, text: read_json(text),
}
