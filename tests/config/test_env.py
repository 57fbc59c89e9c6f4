from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.processes import ROOT

NAME = "HELIX_TEST_VALUE"


def manage(var: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "VIRTUAL_ENV") if name in os.environ
    }
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**kept, "HELIX_VAR_DIR": str(var), "SECRET_KEY": "tests-only", **variables},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DATABASE_URL": "foo"}, "DATABASE_URL must be postgres://"),
        ({"HELIX_CONCURRENCY": "abc"}, "HELIX_CONCURRENCY must be a whole number from 1 to 200"),
        ({"HELIX_JOB_INTERVALS": "no.such=5"}, "HELIX_JOB_INTERVALS names “no.such”"),
        ({"HELIX_VAR_DIR": "/dev/null/var"}, "HELIX_VAR_DIR names /dev/null/var"),
        ({"HELIX_SIMULATED_PROVIDER": "speed=9"}, "HELIX_SIMULATED_PROVIDER: there is no option"),
    ],
)
def test_a_wrong_value_is_a_sentence_and_no_traceback(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    command = "setup" if "HELIX_SIMULATED_PROVIDER" in variables else "check"

    done = manage(tmp_path, command, **variables)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_empty_values_are_as_good_as_none_and_a_path_may_have_any_character(tmp_path: Path) -> None:
    var = tmp_path / "a #1? 100%"
    empty = ("DATABASE_URL", "HELIX_CONCURRENCY", "HELIX_CALL_TIMEOUT_S", "HELIX_JOB_INTERVALS")

    done = manage(var, "migrate", "--verbosity=0", **dict.fromkeys((*empty, "HELIX_HTTPS"), ""))

    assert done.returncode == 0, done.stderr
    connection = sqlite3.connect(var / "helix.sqlite3")
    assert connection.execute("SELECT COUNT(*) FROM providers").fetchone() > (0,)
    connection.close()


Read = Callable[[], object]
READERS: dict[str, Read] = {
    "flag": lambda: env.flag(NAME),
    "whole": lambda: env.whole(NAME, 100, at_least=1, at_most=200),
    "seconds": lambda: env.seconds(NAME, 60.0, at_most=3_600),
    "intervals": lambda: env.intervals(NAME),
    "database": lambda: env.database(NAME, Path("/var/x.sqlite3")),
    "folder": lambda: env.folder(NAME, Path("/tmp")),  # noqa: S108  # any that is there
    "redis": lambda: env.redis(NAME),
}


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("flag", "maybe"),
        ("flag", "2"),
        *(("whole", value) for value in ("abc", "0", "-3", "201", "1.5", "1e2")),
        *(("seconds", value) for value in ("abc", "nan", "-5", "0", "inf", "1e9")),
        *(("intervals", value) for value in ("abc", "x=y", "x=", "=5", "x=-1", "x=1.5", "x=²")),
        *(("database", value) for value in ("foo", "mysql://h/d", "postgres://", "postgres://h")),
        ("database", "postgres://ann:hunter22@host:port/db"),
        ("folder", "/dev/null"),
        ("redis", "localhost:6379"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, reader: str, value: str
) -> None:
    monkeypatch.setenv(NAME, value)

    with pytest.raises(ImproperlyConfigured, match=f"^{NAME} .*Mend it") as refusal:
        READERS[reader]()

    assert "hunter22" not in str(refusal.value)


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        ("flag", "", False),
        ("flag", "On", True),
        ("flag", "0", False),
        ("whole", " ", 100),
        ("whole", "200", 200),
        ("seconds", "", 60.0),
        ("seconds", "0.5", 0.5),
        ("intervals", "", {}),
        ("intervals", "a.b=60, c.d=0", {"a.b": 60, "c.d": 0}),
        ("redis", "", ""),
    ],
)
def test_what_is_right_is_read(
    monkeypatch: pytest.MonkeyPatch, reader: str, value: str, read: object
) -> None:
    monkeypatch.setenv(NAME, value)

    assert READERS[reader]() == read


def test_an_address_of_a_database_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgres://ann:p%40ss@db.example:6432/helix")

    found = env.database(NAME, Path("unused"))

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"], found["HOST"]) == ("ann", "p@ss", "db.example")
    assert (found["PORT"], found["NAME"]) == (6432, "helix")


def test_a_folder_that_may_not_be_written_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAME, str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)  # the suite may run as root

    with pytest.raises(ImproperlyConfigured, match="may not write"):
        env.folder(NAME, tmp_path)


def test_a_value_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("from a file\n", encoding="utf-8")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "value"))
    assert env.text(NAME) == "from a file"

    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE names a file that cannot be read"):
        env.text(NAME)
