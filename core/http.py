"""How views answer: a page or the part of it that was asked for, and redirects htmx can follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import User

    class UserRequest(HttpRequest):
        """A request of somebody who is signed in, which every view may expect."""

        user: User
        htmx: HtmxDetails

else:
    UserRequest = HttpRequest


HTMX_HEADERS = ("HX-Request", "HX-Target", "HX-Boosted", "HX-History-Restore-Request")


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partials: Collection[str] = (),
    status: int = 200,
) -> HttpResponse:
    """Return the page, or only the partial that htmx asks for where `partials` lists it.

    A partial is named like the id of its root element, which is what htmx sends as its target.
    Boosted and history-restore requests get the whole page: they replace the body.
    """
    wanted = wanted_part(request)
    if wanted in partials:
        template = f"{template}#{wanted}"
    response = render(request, template, dict(context or {}), status=status)
    patch_vary_headers(response, HTMX_HEADERS)
    return response


def redirect_to(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Send the browser to a model's page, a named URL or a path.

    htmx would follow a 302 and put the page into the fragment; it is told to move instead.
    """
    url = resolve_url(to, *args, **kwargs)
    return HttpResponseClientRedirect(url) if is_fragment(request) else HttpResponseRedirect(url)


def text_of(query: Mapping[str, str], name: str, *, longest: int) -> str:
    """Return what the address says under `name`, "" for nothing; PostgreSQL refuses a NUL."""
    return query.get(name, "").replace("\0", "").strip()[:longest]


def say(response: HttpResponse, text: str, tone: str = "success") -> HttpResponse:
    """Have htmx's answer bring a toast: success, info, warning or danger."""
    return trigger_client_event(response, "toast", {"text": text, "tone": tone})


def close_dialog(response: HttpResponse) -> HttpResponse:
    return trigger_client_event(response, "dialog:close", {})


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx will put the answer into a part of the page."""
    htmx = cast("UserRequest", request).htmx
    return bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def wanted_part(request: HttpRequest) -> str | None:
    return cast("UserRequest", request).htmx.target if is_fragment(request) else None
