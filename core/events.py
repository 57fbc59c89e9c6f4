"""The stream of events that keeps an open page current."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from core import live
from core.http import UserRequest
from core.producer import SignIn, producer


@login_not_required  # a redirect would give an event stream a page to read; 401 ends it
@require_GET
async def stream_events(request: HttpRequest) -> HttpResponseBase:
    """Send the live parts named by `r` as they are now, and again whenever they change."""
    if not isinstance(request, ASGIRequest):  # a server of threads would give one away for good
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    user = await cast("UserRequest", request).auser()
    if not user.is_authenticated:
        return refusal("You are signed out.", HTTPStatus.UNAUTHORIZED)
    try:
        parts = live.parse_parts(request.GET.getlist("r"))
    except live.NotLive as error:
        return refusal(str(error), HTTPStatus.BAD_REQUEST)
    if producer.is_too_much(user.pk, parts):
        return refusal("You have too many pages open.", HTTPStatus.TOO_MANY_REQUESTS)
    sign_in = SignIn(
        user_id=user.pk,
        session_key=request.session.session_key or "",
        session_hash=await request.session.aget(HASH_SESSION_KEY, ""),
    )
    # The stream lasts for hours; the connection that told who asks must not.
    await sync_to_async(connections.close_all)()
    return StreamingHttpResponse(
        producer.stream(sign_in, parts),
        content_type="text/event-stream",
        headers={
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
            "Content-Encoding": "identity",  # a middleware that compresses would hold events back
        },
    )


def refusal(text: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
