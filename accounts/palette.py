"""What the command palette finds here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.palette import Option

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=18)
def find_pages(user: User, text: str) -> list[Option]:
    if not user.is_staff:
        return []
    return palette.answering(text, [Option("Administration", reverse("admin:index"), "database")])
