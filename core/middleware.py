"""What happens around every view: requests get an id, and refusals become responses."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget

from core import origin
from core.errors import DomainError
from core.http import is_fragment
from core.ids import uuid7

CONFLICT = 409
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")  # what audit rows keep; proxies send 16 to 36


class OriginMiddleware(MiddlewareMixin):
    """Keep the id and the address of the request at hand, and tell the id to who asked.

    An id that the sender gives is a claim: it helps to find what belongs together in two logs,
    and proves nothing.
    """

    def process_request(self, request: HttpRequest) -> None:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid7())
        origin.begin(origin.Origin(request_id, address_of(request)))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response["X-Request-ID"] = origin.current().request_id
        origin.end()
        return response


def address_of(request: HttpRequest) -> str:
    """Return the sender's address, or "" where there is none: a socket, a proxy's odd word."""
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).compressed[:45]
    except ValueError:
        return ""


class DomainErrorMiddleware(MiddlewareMixin):
    """Say a refusal where the person looks: in a toast, on the page before, or on its own page."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if is_fragment(request):
            toast = {"text": str(error), "tone": "danger"}
            response = render(request, "components/toast.html", toast, status=CONFLICT)
            return reswap(retarget(response, "#toasts"), "beforeend")
        back = page_before(request)
        if back:
            messages.error(request, str(error))
            return HttpResponseRedirect(back)
        return render(request, "errors/409.html", {"text": str(error)}, status=CONFLICT)


def page_before(request: HttpRequest) -> str:
    """Return the page of ours that the person came from, or "" where going back would not help.

    A page that refuses to show itself must not send the browser to itself, for ever.
    """
    referer = request.headers.get("Referer", "")
    is_whole = referer.startswith(("http://", "https://"))  # a bare word could be a URL's name
    is_ours = is_whole and url_has_allowed_host_and_scheme(
        referer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not is_ours:
        return ""
    is_same = urlsplit(referer).path == request.path
    return "" if is_same and request.method in {"GET", "HEAD"} else referer
