from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from core.errors import DomainError
from core.modeladmin import ReadOnlyAdmin, VisibleAdmin
from scheduling import services
from scheduling.models import Execution, Schedule, WebhookEvent

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Schedule]
else:
    _ModelForm = forms.ModelForm


class ScheduleForm(_ModelForm):
    """Asks what `services.validate` asks, so that a refusal stands beside its field."""

    class Meta:
        model = Schedule
        fields = services.CHANGEABLE

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own seam; it fills the instance
        if not self.errors:
            try:
                services.validate(self.instance, now=timezone.now())
            except ValidationError as refusal:
                self.add_error(None, refusal)


@admin.register(Schedule)
class ScheduleAdmin(VisibleAdmin):
    """Schedules are made and archived by their owners; here what they say can be mended."""

    form = ScheduleForm
    list_display = [
        "name",
        "owner",
        "operation",
        "type",
        "expression",
        "zone",
        "enabled",
        "next_execution_at",
        "last_execution_at",
    ]
    list_filter = ["type", "enabled", "operation"]
    search_fields = ["name", "owner__username", "operation", "expression", "pause_reason"]
    list_select_related = ["owner"]
    show_full_result_count = False
    fields = [
        *("owner", "operation", "type"),
        *services.CHANGEABLE,
        *("enabled", "pause_reason", "archived_at"),
        *("next_execution_at", "last_execution_at", "execution_count", "running_since"),
        *("dialect", "replay_window_s", "secret_ref", "secret_fingerprint", "secret_created_at"),
        *("old_secret_ref", "old_secret_until", "old_secret_used_at"),
        *("created_at", "tz_version"),
    ]
    actions = ["pause", "resume"]

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> list[str]:
        changeable = () if obj and obj.is_archived else services.CHANGEABLE
        return [str(name) for name in self.fields or [] if name not in changeable]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Schedule,
        form: forms.ModelForm[Schedule],
        change: bool,  # noqa: FBT001
    ) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.change_schedule(obj, by=request.user, **changes)  # type: ignore[arg-type]  # staff

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> None:
        reason = f"Paused in the admin by {request.user.get_username()}."
        for schedule in chosen:
            self._try(request, services.pause_schedule, schedule, reason=reason)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> None:
        for schedule in chosen:
            self._try(request, services.resume_schedule, schedule)

    def _try(self, request: HttpRequest, do: Any, schedule: Schedule, **given: Any) -> None:
        try:
            do(schedule, by=request.user, **given)
        except DomainError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        except ValidationError as refusal:
            self.message_user(request, f"{schedule}: {refusal.messages[0]}", messages.ERROR)


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    list_display = ["expected_at", "schedule", "triggered_by", "status", "reason", "run"]
    list_filter = ["triggered_by"]
    search_fields = ["schedule__name", "schedule__owner__username", "reason"]
    list_select_related = ["schedule", "run"]
    show_full_result_count = False


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """What came to addresses without a schedule is for those who operate Helix."""

    list_display = ["received_at", "schedule", "verdict", "code", "status", "size", "address"]
    list_filter = ["verdict", "code", "dialect", "is_test"]
    search_fields = ["schedule__name", "schedule__owner__username", "message_id", "address"]
    list_select_related = ["schedule"]
    show_full_result_count = False
