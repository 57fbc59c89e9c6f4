"""Which providers are paused, down or asked to wait: `manage.py circuits list|resume NAME`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from core.commands import HelixCommand
from operations import circuits, services
from operations.models import ProviderState


class Command(HelixCommand):
    help = "See what keeps Helix from asking a provider, and end a pause."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_verb(parser, "list", self.list, about="each provider that was in trouble")
        resume = self.add_verb(parser, "resume", self.resume, about="ask it again")
        resume.add_argument("name", metavar="NAME")

    def list(self, **_: Any) -> None:
        now = timezone.now()
        states = list(ProviderState.objects.order_by("provider"))
        data = [
            {
                "provider": state.provider,
                "state": circuits.word_for(state, now),
                "paused_reason": state.paused_reason,
                "open_until": state.open_until,
                "blocked_until": state.blocked_until,
                "failures": state.failures,
            }
            for state in states
        ]
        lines = [
            f"{each['provider']:<12} {each['state']} {each['paused_reason']}".rstrip()
            for each in data
        ]
        self.emit(data, "\n".join(lines) or "No provider has been in trouble.")

    def resume(self, *, name: str, **_: Any) -> None:
        services.resume_provider(name, by=None)
        self.emit({"provider": name, "state": "closed"}, f"{name} is asked again.")
