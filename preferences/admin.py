from __future__ import annotations

from django.contrib import admin

from core.modeladmin import ReadOnlyAdmin
from preferences.models import OperationPreference, ThemePreference


@admin.register(OperationPreference)
class OperationPreferenceAdmin(ReadOnlyAdmin):
    """To look at: a form here could not check parameters, `manage.py preferences set` does."""

    list_display = ["owner", "operation", "enabled", "model", "monthly_budget_usd", "updated_at"]
    list_filter = ["enabled", "operation"]
    list_select_related = ["owner"]
    search_fields = ["owner__username", "operation", "model"]


@admin.register(ThemePreference)
class ThemePreferenceAdmin(ReadOnlyAdmin):
    list_display = ["owner", "theme", "accent", "is_compact", "is_sidebar_folded", "updated_at"]
    list_filter = ["theme"]
    list_select_related = ["owner"]
    search_fields = ["owner__username", "accent"]
