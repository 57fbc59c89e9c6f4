from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from preferences.models import OperationPreference, ThemePreference

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class OwnRowsAdmin(_Admin):
    """Shows a person's own rows. They change through the services, which check and audit."""

    def get_queryset(self, request: HttpRequest) -> Any:
        return self.model.objects.visible_to(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OperationPreference)
class OperationPreferenceAdmin(OwnRowsAdmin):
    list_display = ("operation", "enabled", "model", "monthly_budget_usd", "updated_at")
    list_filter = ("enabled", "operation")
    search_fields = ("operation", "model")


@admin.register(ThemePreference)
class ThemePreferenceAdmin(OwnRowsAdmin):
    list_display = ("theme", "accent", "is_compact", "is_sidebar_folded", "updated_at")
    list_filter = ("theme",)
    search_fields = ("accent",)
