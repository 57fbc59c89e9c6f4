"""Forms of the operations' pages. The one everybody needs is `ParameterForm`."""

from __future__ import annotations

from operations.forms.models import ModelForm
from operations.forms.parameters import ParameterForm

__all__ = ["ModelForm", "ParameterForm"]
