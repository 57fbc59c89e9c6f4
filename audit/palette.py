"""What the command palette finds here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.palette import Option

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=15)
def find_pages(user: User, text: str) -> list[Option]:
    page = Option("Audit log", reverse("list_audit_events"), "scroll-text", "Who did what")
    return palette.answering(text, [page])
