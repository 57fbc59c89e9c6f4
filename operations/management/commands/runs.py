"""Look into the ledger: `manage.py runs list|show|cancel`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from accounts.services import find_user
from core.commands import HelixCommand
from core.errors import DomainError
from core.units import duration_ms, usd
from operations import services
from operations.models import Run
from operations.telling import run_as_json, run_as_text

MOST = 1_000


class Command(HelixCommand):
    help = "Look into the ledger of runs, and cancel a run that waits."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.add_verb(parser, "list", self.list, about="the newest runs")
        listing.add_argument("--user", metavar="USERNAME", help="only this person's")
        listing.add_argument("--operation", default="")
        listing.add_argument("--status", choices=Run.Status.values)
        listing.add_argument(
            "--limit", type=int, default=20, metavar="N", help="at most N, up to 1,000"
        )
        listing.add_argument(
            "--before", metavar="ID", help="runs older than this one: the next page"
        )
        self.add_verb(parser, "show", self.show, about="one run with its attempts").add_argument(
            "id"
        )
        cancel = self.add_verb(parser, "cancel", self.cancel, about="cancel a run that waits")
        cancel.add_argument("id")
        cancel.add_argument("--reason", default="Cancelled by command.")

    def list(
        self,
        *,
        user: str | None,
        operation: str,
        status: str | None,
        limit: int,
        before: str | None,
        **_: Any,
    ) -> None:
        runs = Run.objects.order_by("-id").prefetch_related("attempts").select_related("owner")
        if user:
            runs = runs.visible_to(find_user(user))
        if operation:
            runs = runs.filter(operation=operation)
        if status:
            runs = runs.filter(status=status)
        if before:
            runs = runs.filter(pk__lt=find_run(before).pk)
        if not 1 <= limit <= MOST:
            raise DomainError(f"--limit must be from 1 to {MOST:,}.")
        found = runs[:limit]
        self.emit(
            [run_as_json(run, list(run.attempts.all())) for run in found],
            "\n".join(map(_line, found)) or "No runs.",
        )

    def show(self, *, id: str, **_: Any) -> None:  # noqa: A002  the option's name
        run = find_run(id)
        attempts = list(run.attempts.all())
        self.emit(run_as_json(run, attempts), run_as_text(run, attempts))

    def cancel(self, *, id: str, reason: str, **_: Any) -> None:  # noqa: A002  the option's name
        run = find_run(id)
        services.cancel_run(run, by=None, reason=reason)
        self.emit(run_as_json(run, list(run.attempts.all())), f"Cancelled {run}.")


def find_run(text: str) -> Run:
    try:
        return Run.objects.get(pk=UUID(text))
    except (Run.DoesNotExist, ValueError, ValidationError):
        raise DomainError(f"There is no run “{text}”; `manage.py runs list` shows ids.") from None


def _line(run: Run) -> str:
    return (
        f"{run.pk}  {run.created_at:%Y-%m-%d %H:%M:%S} UTC  {run.owner.username:<12} "
        f"{run.operation:<20} {run.status:<9} {run.provider or '-':<10} {usd(run.cost_usd):>10} "
        f"{duration_ms(run.latency_ms):>8}  {run.error or run.reason}".rstrip()
    )
