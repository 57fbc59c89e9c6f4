from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from core.modeladmin import ReadOnlyAdmin, VisibleAdmin
from providers import services
from providers.models import ModelPrice, Provider, ProviderModel


@admin.register(Provider)
class ProviderAdmin(VisibleAdmin):
    """The limits can be changed here; the rest follows the code and the environment."""

    list_display = ["name", "label", "kind", "rank", "requests_per_minute", "tokens_per_minute"]
    list_filter = ["kind"]
    search_fields = ["name", "label"]
    fields = [
        "name",
        "label",
        "kind",
        "key_ref",
        "rank",
        "requests_per_minute",
        "tokens_per_minute",
    ]
    readonly_fields = ["name", "label", "kind", "key_ref", "rank"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,
        form: ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        services.set_limits(
            obj.name,
            requests_per_minute=obj.requests_per_minute,
            tokens_per_minute=obj.tokens_per_minute,
            by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )


@admin.register(ProviderModel)
class ProviderModelAdmin(ReadOnlyAdmin):
    list_display = ["name", "provider", "label", "tier", "max_output_tokens", "is_retired"]
    list_filter = ["provider", "tier", "is_retired"]
    search_fields = ["name", "label", "provider__name"]
    list_select_related = ["provider"]


@admin.register(ModelPrice)
class ModelPriceAdmin(ReadOnlyAdmin):
    list_display = ["model", "valid_from", "source", "created_at"]
    list_filter = ["model__provider"]
    search_fields = ["model__name", "model__label", "source"]
    list_select_related = ["model"]
    date_hierarchy = "valid_from"
