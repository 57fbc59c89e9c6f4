"""Django's handler for addresses that machines call hundreds of times a second."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneHopHandler(ASGIHandler):
    """Runs all middleware and the view in one turn of a thread.

    Django's own goes to a thread and back for each middleware, which takes longer than such a view
    does. Only for views that are no coroutines.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002  # as Django calls it
        super().load_middleware(is_async=False)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = await sync_to_async(self.get_response, thread_sensitive=True)(request)
        response._handler_class = self.__class__
        return response  # type: ignore[no-any-return]
