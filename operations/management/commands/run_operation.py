"""Run one operation now, in this process: `manage.py run_operation email-classify …`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import find_user
from core.commands import HelixCommand, read_json
from core.errors import DomainError
from operations import services
from operations.engine.loop import Engine
from operations.models import Run
from operations.telling import run_as_json, run_as_text


class Command(HelixCommand):
    help = "Run an operation through the gate, in this process, and print the run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("operation", help="such as email-classify")
        parser.add_argument("--user", required=True, help="whose run and whose budget it is")
        parser.add_argument(
            "--params", default="{}", help="JSON, @FILE to read a file, or - to read standard input"
        )
        parser.add_argument("--model", default="", help="provider:model instead of the preference")
        parser.add_argument("--priority", type=int, default=5, help="1 to 10; 10 runs first")

    def handle(self, *args: Any, **options: Any) -> None:
        run = services.submit(
            owner=find_user(options["user"]),
            operation=options["operation"],
            parameters=read_json("--params", options["params"]),
            origin=Run.Origin.COMMAND,
            priority=options["priority"],
            model=options["model"],
        )
        Engine(slots=1, kind="command").run_one(run.pk)
        run.refresh_from_db()
        attempts = list(run.attempts.all())
        self.emit(run_as_json(run, attempts), run_as_text(run, attempts))
        if run.status != Run.Status.SUCCESS:
            raise DomainError(run.error or run.reason or f"The run ended as {run.status}.")
