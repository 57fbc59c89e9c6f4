"""The choice of a model for one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from core.errors import DomainError
from operations import router
from operations.registry import Operation
from preferences import services as preferences
from providers import catalogue
from providers.catalogue import Catalogue

if TYPE_CHECKING:
    from accounts.models import User


class ModelForm(forms.Form):
    """The model to ask: the owner's choice, or one of those that can be asked now."""

    model = forms.ChoiceField(required=False, label="Model")

    def __init__(
        self, definition: Operation[Any], data: Any = None, *, owner: User, **options: Any
    ) -> None:
        super().__init__(data, label_suffix="", **options)
        snapshot = catalogue.snapshot()
        own = _own_choice(definition, owner, snapshot)
        groups = [
            (provider.label, [(each.ref, each.label) for each in snapshot.models_of(name)])
            for name, provider in snapshot.providers.items()
            if provider.is_configured
        ]
        made = self.fields["model"]
        assert isinstance(made, forms.ChoiceField)  # noqa: S101  declared above
        made.choices = [("", own), *(group for group in groups if group[1])]
        wanted = self.initial.get("model", "")
        if wanted and not any(wanted == ref for _, models in groups for ref, _ in models):
            self.initial["model"] = ""  # an earlier run's model that cannot be asked any more

    @property
    def chosen(self) -> str:
        """Return the model asked for, or "" for the owner's choice."""
        if self.is_bound:
            return str(self.cleaned_data.get("model", "")) if self.is_valid() else ""
        return str(self.initial.get("model", ""))


def _own_choice(definition: Operation[Any], owner: User, snapshot: Catalogue) -> str:
    choice = preferences.lookup(owner.pk, definition.slug)
    try:
        model = router.plan_route(definition, choice, snapshot)[0]
    except DomainError:
        return "Your choice in the settings"
    return f"Your choice: {model.label}" if choice.model else f"Chosen for you: {model.label}"
