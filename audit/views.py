from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from audit import telling, verification
from audit.filters import AuditFilter
from audit.models import AuditEvent, AuditStream
from core import sentences
from core.http import UserRequest, render_page


@require_GET
def list_audit_events(request: UserRequest) -> HttpResponse:
    user = request.user
    listed = AuditFilter(request.GET, AuditEvent.objects.visible_to(user), user=user)
    page = listed.page
    names = sentences.names_of(user, {event.target for event in page.rows})
    entries = [telling.tell(_record(event), names) for event in page.rows]
    context = {
        "listed": listed,
        "page": page,
        "days": telling.by_day(entries, timezone.get_current_timezone()),
        "shown": len(entries),
        "faults": [entry for entry in entries if entry.record.fault],
        "head": AuditStream.objects.visible_to(user).first(),
    }
    return render_page(request, "audit/event_list.html", context, partials={"event-table"})


def _record(event: AuditEvent) -> telling.Record:
    detail: str | None = event.detail_text  # type: ignore[attr-defined]  # annotated by the filter
    finding = verification.check_alone(event, detail)
    return telling.Record(
        id=str(event.pk),
        seq=event.seq,
        at=event.at,
        actor=_name(event),
        action=event.action,
        target=event.target,
        ip=event.ip,
        request_id=event.request_id,
        hash=event.hash,
        detail=detail or "",
        fault=finding.says if finding else "",
    )


def _name(event: AuditEvent) -> str:
    """Return who did it; the log outlives people, whose id then stands for them."""
    if event.actor_id is None:
        return ""
    name: str | None = event.actor_name  # type: ignore[attr-defined]  # annotated by the filter
    return name or str(event.actor_id)
