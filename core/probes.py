"""The addresses that machines ask: does the process live, may it be sent requests?"""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import health


@login_not_required
@never_cache
@require_safe
def show_alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def show_ready(request: HttpRequest) -> HttpResponse:
    """Answer 200, or 503 when a check is red; the body says which, to anyone who asks."""
    found = health.examine(only_readiness=True)
    is_ready = all(finding.level != health.Level.RED for finding in found.values())
    checks = {name: {"level": each.level, "says": each.says} for name, each in found.items()}
    return JsonResponse(
        {"ready": is_ready, "checks": checks},
        status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )
