from __future__ import annotations

from django import forms


class CancelForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        required=False,
        help_text="Kept with the run and in the audit log.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
