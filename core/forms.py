"""How forms look, said once."""

from __future__ import annotations

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Django's own templates, but for the field: label, input, help below, error in place."""

    field_template_name = "components/field.html"
