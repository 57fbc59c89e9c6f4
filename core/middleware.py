"""The one place where a refusal (`DomainError`) becomes a response."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, retarget

from core.errors import DomainError
from core.http import is_fragment

CONFLICT = 409


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
    is_ours = url_has_allowed_host_and_scheme(
        referer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not is_ours:
        return ""
    is_same = urlsplit(referer).path == request.path
    return "" if is_same and request.method in {"GET", "HEAD"} else referer
