from __future__ import annotations

from django.contrib import admin

from audit.models import AuditDetail, AuditEvent, AuditStream
from core.modeladmin import ReadOnlyAdmin

COLUMNS = ("at", "actor", "action", "target", "ip", "stream", "seq")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = [*COLUMNS]
    list_filter = ["action"]
    list_select_related = ["actor"]
    ordering = ["-at"]
    show_full_result_count = False  # the log only grows; counting it would too
    search_fields = ["action", "target", "stream", "actor__username", "ip", "request_id"]
    fields = [*COLUMNS, "request_id", "detail_text", "text", "hash"]

    @admin.display(description="detail")
    def detail_text(self, event: AuditEvent) -> str:
        detail: AuditDetail | None = getattr(event, "detail", None)
        return "" if detail is None else detail.text


@admin.register(AuditDetail)
class AuditDetailAdmin(ReadOnlyAdmin):
    list_display = ["event", "text"]
    list_select_related = ["event"]
    search_fields = ["text", "event__action", "event__target"]


@admin.register(AuditStream)
class AuditStreamAdmin(ReadOnlyAdmin):
    list_display = ["name", "seq", "hash"]
    search_fields = ["name"]
