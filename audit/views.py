from __future__ import annotations

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from audit import exports, records, telling
from audit.filters import AuditFilter
from audit.models import AuditEvent, AuditStream
from core import exporting, sentences
from core.errors import DomainError
from core.http import UserRequest, render_page


@require_GET
def list_audit_events(request: UserRequest) -> HttpResponse:
    user = request.user
    listed = AuditFilter(request.GET, AuditEvent.objects.visible_to(user), user=user)
    page = listed.page
    names = sentences.names_of(user, {event.target for event in page.rows})
    entries = [telling.tell(records.record_of(event), names) for event in page.rows]
    context = {
        "listed": listed,
        "page": page,
        "days": telling.by_day(entries, timezone.get_current_timezone()),
        "shown": len(entries),
        "faults": [entry for entry in entries if entry.record.fault],
        "head": AuditStream.objects.visible_to(user).first(),
    }
    return render_page(request, "audit/event_list.html", context, partials={"event-table"})


@require_GET
def export_audit_events(request: UserRequest) -> StreamingHttpResponse:
    """Send all entries that the page's filters leave."""
    user = request.user
    kind = request.GET.get("format", "csv")
    if kind not in exporting.WRITERS:
        raise Http404(kind)
    listed = AuditFilter(request.GET, AuditEvent.objects.visible_to(user), user=user)
    if problems := listed.problems_of_a_file:
        raise DomainError(" ".join(problems))
    return exporting.download(
        request,
        kind,
        name=exporting.file_name("audit-log", user.get_username(), f"{timezone.localdate()}"),
        columns=exports.COLUMNS,
        pages=exports.pages_of(listed.told, user),
    )
