from __future__ import annotations

from typing import Any

from django import forms

from preferences.context import OWN
from preferences.models import ThemePreference

DEFAULT_COLOUR = "#3b82f6"
YES_NO = [("0", "no"), ("1", "yes")]


class LookForm(forms.Form):
    """A change of the look. A control posts its own field; the others are left as they are."""

    theme = forms.ChoiceField(
        choices=ThemePreference.Theme.choices,
        required=False,
        error_messages={"invalid_choice": "Choose light, dark or as the system."},
    )
    accent = forms.ChoiceField(
        choices=[*ThemePreference.Accent.choices, (OWN, "Own colour")],
        required=False,
        error_messages={"invalid_choice": "Choose one of the ten accents, or a colour."},
    )
    own = forms.RegexField(
        regex=r"^#[0-9a-fA-F]{6}$",
        required=False,
        error_messages={"invalid": "Write the colour as # and six digits, such as #3b82f6."},
    )
    is_compact = forms.ChoiceField(
        choices=YES_NO,
        required=False,
        error_messages={"invalid_choice": "Choose comfortable or compact."},
    )
    is_sidebar_folded = forms.ChoiceField(
        choices=YES_NO,
        required=False,
        error_messages={"invalid_choice": "Choose an open or a folded sidebar."},
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("accent") == OWN and not given.get("own") and "own" not in self.errors:
            self.add_error("own", "Choose the colour.")
        return given

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, as `services.save_theme` takes them."""
        given = {name: value for name, value in self.cleaned_data.items() if value}
        colour = given.pop("own", DEFAULT_COLOUR).lower()
        if given.get("accent") == OWN:
            given["accent"] = colour
        return {
            name: value == "1" if name.startswith("is_") else value for name, value in given.items()
        }
