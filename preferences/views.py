from __future__ import annotations

import re

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from core.http import UserRequest, redirect_to
from preferences import accents

YEAR_S = 31_536_000  # an address names its colour: what it answers changes with the release only


@require_GET
def show_settings(request: UserRequest) -> HttpResponse:
    return redirect_to(request, "show_appearance")


@require_GET
@login_not_required
@cache_control(public=True, max_age=YEAR_S, immutable=True)
def show_accent(request: HttpRequest, colour: str) -> HttpResponse:
    """Show the stylesheet of a colour of one's own; its policy forbids inline styles."""
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        raise Http404
    return HttpResponse(accents.stylesheet(f"#{colour}"), content_type="text/css")
