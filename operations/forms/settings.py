"""What a person may set for an operation: on or off, its model, its monthly limit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.units import usd
from operations import router
from operations.registry import Operation
from preferences.services import OperationChoice
from providers.catalogue import Catalogue, ModelInfo

LARGEST_USD: Final = Decimal(1_000_000_000)
_AMOUNT: Final = re.compile(r"\d*\.?\d*", re.ASCII)
_PLACES: Final = 9
_LONGEST: Final = 40  # characters of an amount


class UsdInput(forms.Field):
    """A monthly limit in USD as people type it; empty is None, no limit."""

    def __init__(self, *, label: str) -> None:
        attrs = {
            "inputmode": "decimal",
            "placeholder": "No limit",
            "autocomplete": "off",
            "maxlength": _LONGEST,
        }
        super().__init__(label=label, required=False, widget=forms.TextInput(attrs=attrs))

    def to_python(self, value: Any) -> Decimal | None:
        """Return the amount, or raise a sentence that says how to write it."""
        text = str(value or "").strip().removeprefix("$").removesuffix("USD").strip()
        if not text:
            return None
        if "," in text:
            raise forms.ValidationError(
                "Write the amount with a point and without commas, such as 1250.50."
            )
        if text.startswith("-"):
            raise forms.ValidationError("A limit is 0 USD or more.")
        if len(text) > _LONGEST or not _AMOUNT.fullmatch(text) or text == ".":
            raise forms.ValidationError("Write an amount in USD, such as 12.50.")
        if len(text.partition(".")[2]) > _PLACES:
            raise forms.ValidationError("Write at most nine digits after the point.")
        if Decimal(text) > LARGEST_USD:
            raise forms.ValidationError(f"A limit is at most {usd(LARGEST_USD)} a month.")
        return Decimal(text)

    def prepare_value(self, value: Any) -> Any:
        """Return the amount with cents, or with as many digits as it has."""
        if not isinstance(value, Decimal):
            return value
        whole, _, cents = f"{value:f}".partition(".")
        return f"{whole}.{cents.rstrip('0').ljust(2, '0')}"

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True


class ModelSelect(forms.Select):
    """Draws itself: nine lists of all models take Django's templates 20 ms, this takes one."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        drawn = [
            format_html('<optgroup label="{}">{}</optgroup>', choice, _options(label, value))
            if isinstance(label, list)
            else _options([(str(choice), str(label))], value)
            for choice, label in self.choices
        ]
        attributes = flatatt({**self.build_attrs(self.attrs, attrs), "name": name})
        return format_html(
            "<select{}>{}</select>", attributes, format_html_join("", "{}", zip(drawn, strict=True))
        )


def _options(choices: Iterable[tuple[str, str]], value: str) -> SafeString:
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (choice, SafeString(" selected") if choice == value else "", label)
            for choice, label in choices
        ),
    )


class LimitForm(forms.Form):
    """The monthly limit of one budget."""

    limit = UsdInput(label="Monthly limit in USD")


class OperationForm(forms.Form):
    """One row of the table of operations. Only what differs from the choice in force is saved."""

    enabled = forms.BooleanField(required=False)
    model = forms.ChoiceField(
        required=False,
        widget=ModelSelect,
        error_messages={
            "invalid_choice": "Choose one of the models; “%(value)s” is not offered any more."
        },
    )
    monthly_budget_usd = UsdInput(label="Monthly limit in USD")

    def __init__(
        self,
        data: Any = None,
        *,
        operation: Operation[Any],
        choice: OperationChoice,
        catalogue: Catalogue,
    ) -> None:
        self.operation = operation
        self.choice = choice
        self.catalogue = catalogue
        initial = {
            "enabled": choice.enabled,
            "model": choice.model,
            "monthly_budget_usd": choice.monthly_budget_usd,
        }
        super().__init__(data, prefix=operation.slug, initial=initial)
        title = operation.title
        attributes = {
            "enabled": {"role": "switch", "class": "switch", "aria-label": f"Enable {title}"},
            "model": {"aria-label": f"Model for {title}"},
            "monthly_budget_usd": {"aria-label": f"Monthly limit of {title} in USD"},
        }
        for name, attrs in attributes.items():
            self.fields[name].widget.attrs |= attrs
        field = self.fields["model"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for mypy
        field.choices = list(model_choices(operation, choice, catalogue))

    @property
    def warning(self) -> str:
        """Return what speaks against the model in force; "" where nothing does."""
        return model_warning(self.choice.model, self.catalogue)

    def changes(self) -> dict[str, Any]:
        """Return what was changed, as `services.save_preferences` takes it.

        A model that was retired after it was chosen may stay; sent again, it would be refused.
        """
        return {name: self.cleaned_data[name] for name in self.changed_data}


def model_choices(
    operation: Operation[Any], choice: OperationChoice, catalogue: Catalogue
) -> Iterator[tuple[str, Any]]:
    """Yield the models to choose from, by provider, each with what speaks against it."""
    own = router.plan_route(operation, OperationChoice(), catalogue)[0]
    yield "", f"Helix chooses: {own.label}"
    listed = set()
    for name, provider in catalogue.providers.items():
        models = [
            model
            for model in catalogue.models.values()
            if model.provider == name and (not model.is_retired or model.ref == choice.model)
        ]
        listed |= {model.ref for model in models}
        if models:
            yield provider.label, [(model.ref, _told(model, catalogue)) for model in models]
    if choice.model and choice.model not in listed:
        yield choice.model, f"{choice.model} (not in the catalogue)"


def _told(model: ModelInfo, catalogue: Catalogue) -> str:
    notes = []
    if model.is_retired:
        notes.append("retired")
    if not catalogue.provider_of(model).is_configured:
        notes.append("no key")
    if model.card is None:
        notes.append("no known price")
    return f"{model.label} ({', '.join(notes)})" if notes else model.label


def model_warning(ref: str, catalogue: Catalogue) -> str:
    if not ref:
        return ""
    model = catalogue.models.get(ref)
    if model is None:
        return f"“{ref}” is not in the catalogue; choose another model."
    provider = catalogue.provider_of(model)
    if model.is_retired:
        return f"{model.label} is retired; choose another model."
    if not provider.is_configured:
        return f"{provider.label} cannot be asked yet: {provider.missing}"
    if model.card is None:
        return f"{model.label} has no known price; budgets count its estimate."
    return ""
