"""The common base of Helix's commands: `--json`, verbs, and refusals in a sentence."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from core.errors import DomainError
from core.exporting import plain
from core.secrets.masking import mask


class Error(CommandError):
    """What Django prints as “Error: …” before it leaves with exit code 1."""


class HelixCommand(BaseCommand):
    """A command that speaks to people, and with `--json` to programs.

    A command with verbs (`schedules list`) calls `add_verb` for each in `add_arguments` and leaves
    `handle` alone; a command without verbs overrides `handle` as usual.
    """

    _verbs: Any = None
    _as_json = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        self._verbs = None
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="print one JSON object or array")
        return parser

    def add_verb(
        self, parser: CommandParser, name: str, run: Callable[..., None], *, about: str
    ) -> CommandParser:
        """Add `name` as a verb that calls `run(**options)`; return the parser of its options."""
        if self._verbs is None:
            self._verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verb: CommandParser = self._verbs.add_parser(name, help=about, description=about)
        # No default here: it would overrule a --json given before the verb.
        verb.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print one JSON object or array",
        )
        verb.set_defaults(run_verb=run)
        return verb

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._as_json = bool(options.get("json"))
        try:
            return super().execute(*args, **options)
        except DomainError as error:
            raise Error(str(error)) from error
        except ValidationError as error:
            raise Error(validation_sentence(error)) from error
        except (OperationalError, ProgrammingError) as error:
            sentence = database_sentence(error)
            if not sentence:
                raise
            raise Error(sentence) from error

    def handle(self, *args: Any, **options: Any) -> None:
        options["run_verb"](**options)

    def emit(self, data: Any, text: str) -> None:
        """Write `data` where `--json` was asked for, else `text`."""
        if self._as_json:
            self.stdout.write(json.dumps(data, default=plain, ensure_ascii=False))
        else:
            self.stdout.write(text)


def database_sentence(error: DatabaseError) -> str:
    """Return what stands behind `error` and its mend; empty where the fault must be our own."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        is_due = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as silence:
        said = " ".join(mask(str(silence)).split())
        return f"The database does not answer; start it, or correct DATABASE_URL. It said: {said}"
    if is_due:
        return "The database is not up to date; run `manage.py setup`."
    if isinstance(error, OperationalError):  # locked, or gone for a moment
        return f"The database failed: {' '.join(mask(str(error)).split())}. Try again."
    return ""


def read_json(option: str, source: str) -> Any:
    """Return the JSON that `option` was given: itself, @FILE, or - for standard input.

    Raises `DomainError` that names the option and the place.
    """
    try:
        if source == "-":
            text = sys.stdin.read()
        elif source.startswith("@"):
            text = Path(source[1:]).read_text(encoding="utf-8")
        else:
            text = source
    except OSError as error:
        raise DomainError(f"{option}: {source[1:]} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DomainError(
            f"{option}: {source[1:] or 'standard input'} is not UTF-8 text."
        ) from error
    except ValueError as error:  # a name that no file can have
        raise DomainError(f"{option}: {source[1:]!r} cannot be read: {error}.") from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DomainError(f"{option} is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise DomainError(
            f"{option} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise DomainError(f"{option} is not JSON that can be read: {error}.") from error


def validation_sentence(error: ValidationError) -> str:
    """Return what `error` says, each message after the field it is about."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        message if field == "__all__" else f"{field}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    )
