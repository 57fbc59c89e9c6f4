from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.core.management.base import CommandParser

from core.commands import HelixCommand, validation_sentence
from core.errors import DomainError


class Command(HelixCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        show = self.add_verb(parser, "show", self.show, about="show it")
        show.add_argument("--name", default="x")
        self.add_verb(parser, "refuse", self.refuse, about="refuse it")
        self.add_verb(parser, "misfit", self.misfit, about="find it invalid")

    def show(self, *, name: str, **options: Any) -> None:
        self.emit({"name": name, "cost_usd": Decimal("1E-9")}, f"It is {name}.")

    def refuse(self, **options: Any) -> None:
        raise DomainError("The budget is empty; raise its limit.")

    def misfit(self, **options: Any) -> None:
        raise ValidationError({"zone": ["There is no such zone."]})


@pytest.mark.parametrize("arguments", [["--json", "show"], ["show", "--json"]])
def test_json_may_stand_before_or_after_the_verb(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(Command(), *arguments)

    assert json.loads(capsys.readouterr().out) == {"name": "x", "cost_usd": "0.000000001"}


def test_without_json_a_sentence_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    call_command(Command(), "show", "--name", "Zoë")

    assert capsys.readouterr().out == "It is Zoë.\n"


def test_a_command_may_be_called_twice(capsys: pytest.CaptureFixture[str]) -> None:
    command = Command()
    call_command(command, "show", "--json")
    call_command(command, "show")

    assert capsys.readouterr().out.endswith("It is x.\n")


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        ("refuse", "The budget is empty; raise its limit."),
        ("misfit", "zone: There is no such zone."),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_code_1(
    verb: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        Command(stderr=sys.stderr).run_from_argv(["manage.py", "things", "--skip-checks", verb])

    assert left.value.code == 1
    assert capsys.readouterr().err == f"Error: {sentence}\n"


def test_a_refusal_reaches_python_as_a_command_error() -> None:
    with pytest.raises(CommandError, match="raise its limit"):
        call_command(Command(), "refuse")


def test_moments_are_utc_and_ids_are_strings(capsys: pytest.CaptureFixture[str]) -> None:
    command = Command()
    command._as_json = True
    east = datetime(2026, 11, 21, 9, tzinfo=timezone(timedelta(hours=9)))

    command.emit({"at": east, "day": east.astimezone(UTC).date(), "id": UUID(int=1)}, "")

    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-11-21T00:00:00Z",
        "day": "2026-11-21",
        "id": "00000000-0000-0000-0000-000000000001",
    }


def test_what_json_cannot_say_is_refused() -> None:
    command = Command()
    command._as_json = True

    with pytest.raises(TypeError, match="object"):
        command.emit({"x": object()}, "")


def test_a_validation_error_without_fields_is_its_messages() -> None:
    assert validation_sentence(ValidationError(["One.", "Two."])) == "One. Two."
