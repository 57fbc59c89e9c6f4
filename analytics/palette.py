"""What the command palette finds here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.palette import Option

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=11)
def find_pages(user: User, text: str) -> list[Option]:
    return palette.answering(
        text, [Option("Overview", reverse("show_overview"), "layout-dashboard")]
    )
