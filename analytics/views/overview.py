"""The first page: how it goes, what needs a person, what comes."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from analytics import reports
from core.http import UserRequest, redirect_to, render_page
from preferences import services as preferences


@require_GET
def show_overview(request: UserRequest) -> HttpResponse:
    context = {"overview": reports.overview(request.user, timezone.now())}
    return render_page(request, "analytics/overview.html", context, partials={"overview"})


@require_POST
def hide_checklist(request: UserRequest) -> HttpResponse:
    preferences.hide_checklist(owner=request.user, now=timezone.now())
    return redirect_to(request, "show_overview")
