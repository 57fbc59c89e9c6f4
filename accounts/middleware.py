from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from core.http import UserRequest, is_fragment


class SignInMiddleware(LoginRequiredMiddleware):
    """Send whoever is signed out to the sign-in: the page, not the part that htmx asked for.

    htmx would follow a redirect and put the sign-in into the part.
    """

    def handle_no_permission(  # type: ignore[override]  # Django only needs a response
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponse:
        if not is_fragment(request):
            return super().handle_no_permission(request, view_func)
        page = cast("UserRequest", request).htmx.current_url_abs_path or "/"
        response = HttpResponseClientRedirect(
            f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page})}"
        )
        response.status_code = HTTPStatus.UNAUTHORIZED
        return response


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
