from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.http import UserRequest
from core.modeladmin import ReadOnlyAdmin, VisibleAdmin
from operations import services
from operations.models import (
    Attempt,
    Budget,
    BudgetPeriod,
    EngineWorker,
    Hold,
    ProviderState,
    Run,
    Usage,
)

if TYPE_CHECKING:
    _Inline = admin.TabularInline[Attempt, Run]
else:
    _Inline = admin.TabularInline


class AttemptInline(_Inline):
    model = Attempt
    template = "admin/edit_inline/read_only.html"
    fields = [
        "number",
        "provider",
        "model",
        "outcome",
        "error",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "latency_ms",
    ]
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = [
        "created_at",
        "operation",
        "owner",
        "origin",
        "status",
        "provider",
        "model",
        "cost_usd",
        "latency_ms",
    ]
    list_filter = ["status", "origin", "operation", "provider"]
    list_select_related = ["owner"]
    search_fields = ["=id", "operation", "owner__username", "reason", "error"]
    show_full_result_count = False
    inlines = [AttemptInline]


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = [
        "started_at",
        "run",
        "number",
        "provider",
        "model",
        "outcome",
        "error_code",
        "cost_usd",
        "latency_ms",
    ]
    list_filter = ["outcome", "provider", "error_code"]
    list_select_related = ["run"]
    search_fields = ["=run__id", "model", "error", "run__owner__username"]
    ordering = ["-id"]
    show_full_result_count = False


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    class Meta:
        model = Budget
        fields = ["limit_usd"]


@admin.register(Budget)
class BudgetAdmin(VisibleAdmin):
    """The limit on everything is set here; an operation's limit is a preference of its owner."""

    form = BudgetForm
    list_display = ["owner", "scope", "operation", "limit_usd"]
    list_filter = ["scope"]
    list_select_related = ["owner"]
    search_fields = ["owner__username", "operation"]
    fields = ["owner", "scope", "operation", "limit_usd"]
    readonly_fields = ["owner", "scope", "operation"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[str]:
        fixed = ["owner", "scope", "operation"]
        return fixed if obj and obj.scope == Budget.Scope.TOTAL else [*fixed, "limit_usd"]

    def save_model(
        self,
        request: HttpRequest,
        obj: Budget,
        form: forms.ModelForm[Budget],
        change: bool,  # noqa: FBT001
    ) -> None:
        by = cast("UserRequest", request).user
        services.set_budget(owner=obj.owner, limit_usd=form.cleaned_data["limit_usd"], by=by)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    list_display = ["budget", "owner", "period", "spent_usd", "held_usd"]
    list_filter = ["period"]
    list_select_related = ["budget__owner"]
    search_fields = ["budget__owner__username", "budget__operation", "period"]

    def owner(self, row: BudgetPeriod) -> str:
        return str(row.budget.owner)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ["run", "amount_usd"]
    list_select_related = ["run"]
    search_fields = ["=run__id", "run__owner__username"]


@admin.register(EngineWorker)
class EngineWorkerAdmin(ReadOnlyAdmin):
    has_owners = False
    list_display = ["host", "pid", "kind", "in_flight", "slots", "started_at", "beat_at"]
    search_fields = ["host", "=pid"]


@admin.register(ProviderState)
class ProviderStateAdmin(ReadOnlyAdmin):
    has_owners = False
    list_display = ["provider", "failures", "open_until", "blocked_until", "paused_reason"]
    search_fields = ["provider", "paused_reason"]
    actions = ["resume"]

    @admin.action(description="Ask again: end its pause and close its circuit")
    def resume(self, request: HttpRequest, chosen: QuerySet[ProviderState]) -> None:
        by = cast("UserRequest", request).user
        for state in chosen:
            services.resume_provider(state.provider, by=by)
        self.message_user(request, "The next run asks them again.")


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    list_display = ["hour", "owner", "operation", "provider", "model", "runs", "cost_usd"]
    list_filter = ["operation", "provider", "origin"]
    list_select_related = ["owner"]
    search_fields = ["owner__username", "operation", "model"]
    show_full_result_count = False
