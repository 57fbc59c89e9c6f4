"""What the command palette finds here: settings, and how pages look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.palette import Option
from preferences import services

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=16)
def find_pages(user: User, text: str) -> list[Option]:
    page = Option("Settings: appearance", reverse("show_appearance"), "settings-2")
    return palette.answering(text, [page])


@palette.source("Actions", order=21)
def find_looks(user: User, text: str) -> list[Option]:
    """Offer the looks that are not in force; before anything is typed, only the themes."""
    now = services.theme_of(user.pk)
    address = reverse("save_theme")
    looks = [
        Option("Dark theme", address, "moon", look=("theme", "dark")),
        Option("Light theme", address, "sun", look=("theme", "light")),
        Option("Theme as the system", address, "monitor", look=("theme", "auto")),
        Option("Compact rows", address, "rows-3", look=("is_compact", "1")),
        Option("Comfortable rows", address, "rows-2", look=("is_compact", "0")),
        Option("Fold the sidebar", address, "panel-left", look=("is_sidebar_folded", "1")),
        Option("Unfold the sidebar", address, "panel-left", look=("is_sidebar_folded", "0")),
    ]
    in_force = {
        ("theme", now.theme),
        ("is_compact", "1" if now.is_compact else "0"),
        ("is_sidebar_folded", "1" if now.is_sidebar_folded else "0"),
    }
    offered = [each for each in looks if each.look not in in_force]
    return palette.answering(text, offered if text else offered[:2])
