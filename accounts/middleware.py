from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin


class ZoneMiddleware(MiddlewareMixin):
    """Let every time on a page be told in its reader's zone.

    Public views are left alone: they may have to answer while the database does not.
    """

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if getattr(view, "login_required", True) and request.user.is_authenticated:
            timezone.activate(ZoneInfo(request.user.zone))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        timezone.deactivate()
        return response
