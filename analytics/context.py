"""What the frame around every page shows of the installation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from analytics import condition


def health(request: HttpRequest) -> dict[str, Any]:
    """Give templates `health`, which costs nothing on a page that does not show it."""
    return {"health": SimpleLazyObject(condition.current)}
