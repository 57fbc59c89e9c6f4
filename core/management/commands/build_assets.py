from __future__ import annotations

from typing import Any

from core import assets
from core.commands import HelixCommand


class Command(HelixCommand):
    help = "Make what pages need from installed packages (the font); `setup` does so, too."
    requires_system_checks = []  # it touches no table

    def handle(self, **_: Any) -> None:
        is_made, note = assets.build()
        text = note or (
            f"Made {assets.FONT}." if is_made else f"{assets.FONT} is there and current."
        )
        self.emit({"made": [assets.FONT] if is_made else [], "note": note}, text)
