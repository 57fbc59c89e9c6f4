"""Where webhooks come in. Whoever signs rightly is let in, and nobody else: there is no session."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from core.middleware import address_of
from scheduling.webhooks import intake
from scheduling.webhooks.unread import LARGEST_BODY

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5  # a database that restarts is back by then


@csrf_exempt
@login_not_required
def receive_webhook(request: HttpRequest, key: str = "") -> HttpResponse:
    """Answer a delivery for the schedule `key`, or the one that the query calls `id`."""
    if request.method != "POST":
        said = {"error": "method_not_allowed", "message": "Deliver by POST."}
        return JsonResponse(said, status=405, headers={"Allow": "POST"})
    length = _length(request)
    is_read = length is not None and length <= LARGEST_BODY
    delivery = intake.Delivery(
        schedule_id=key or request.GET.get("id", ""),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body if is_read else b"",
        length=length,
        address=address_of(request),
    )
    try:
        answer = intake.receive(delivery)
    except DatabaseError as error:
        # Nothing of it is written, so nothing is promised: senders come again.
        logger.warning("Webhook refused with 503: %s", type(error).__name__, exc_info=error)
        said = {"error": "unavailable", "message": "It could not be written down; send it again."}
        return JsonResponse(said, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return JsonResponse(answer.said, status=answer.status, headers=dict(answer.headers))


def _length(request: HttpRequest) -> int | None:
    """Return the declared length, None where there is none: what is sent in chunks has none."""
    if "Transfer-Encoding" in request.headers:
        return None
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
