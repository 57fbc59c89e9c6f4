"""What commands say where the database is away, or older than the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError

from core.commands import HelixCommand
from tests.config.test_env import manage

NOBODY_THERE = "postgres://ann:hunter22@127.0.0.1:1/helix"


@pytest.mark.parametrize("command", [("users", "list"), ("worker",), ("setup",)])
def test_a_database_that_is_away_is_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = manage(tmp_path, *command, DATABASE_URL=NOBODY_THERE)

    assert done.returncode == 1
    assert "Error: The database does not answer; start it, or correct DATABASE_URL." in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter22" not in done.stderr


def test_a_database_without_tables_names_the_command_that_makes_them(tmp_path: Path) -> None:
    done = manage(tmp_path, "users", "list")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: The database is not up to date; run `manage.py setup`.\n"


@pytest.mark.parametrize("variables", [{}, {"DATABASE_URL": NOBODY_THERE}])
def test_doctor_finds_rather_than_breaks(tmp_path: Path, variables: dict[str, str]) -> None:
    done = manage(tmp_path, "doctor", **variables)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert "Mend:" in done.stdout


@pytest.mark.django_db
def test_a_wrong_query_of_ours_is_not_explained_away() -> None:
    class Broken(HelixCommand):
        def handle(self, **_: object) -> None:
            raise ProgrammingError("syntax error")

    with pytest.raises(ProgrammingError, match="syntax error"):
        call_command(Broken())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", r"--x is not JSON: .* at line 1, column 2"),
        ("@/no/file", "--x: /no/file cannot be read: No such file"),
        ("@\0", "--x: .* cannot be read"),
        ("[" * 100_000, "--x is nested too deeply"),
        ("9" * 5_000, "--x is not JSON that can be read"),
    ],
)
def test_what_is_no_json_names_its_option(given: str, sentence: str) -> None:
    from core.commands import read_json

    class Reading(HelixCommand):
        def handle(self, **_: object) -> None:
            read_json("--x", given)

    with pytest.raises(CommandError, match=sentence):
        call_command(Reading())
