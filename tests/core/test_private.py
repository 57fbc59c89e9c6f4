from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from core import health, private, vitals
from tests.processes import manage


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _generous_umask() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_database_file_is_made_for_us_alone_and_so_are_its_journals(tmp_path: Path) -> None:
    path = tmp_path / "helix.sqlite3"

    private.make_database_file(path)

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        assert mode(path) == mode(tmp_path / "helix.sqlite3-wal") == 0o600
    connection.close()


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "helix.sqlite3"
    path.write_text("rows")
    path.chmod(0o640)

    private.make_database_file(path)

    assert (path.read_text(), mode(path)) == ("rows", 0o640)


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory", "/nowhere/at/all.sqlite3"])
def test_what_cannot_be_a_file_is_left_to_sqlite(name: str) -> None:
    private.make_database_file(name)

    assert not Path(name).exists()


@pytest.mark.parametrize(
    ("folder", "file", "level"),
    [
        (0o700, 0o600, health.Level.OK),
        (0o755, 0o600, health.Level.WARNING),
        (0o700, 0o644, health.Level.WARNING),
        (0o700, 0o640, health.Level.WARNING),
    ],
)
def test_doctor_warns_of_files_that_others_may_read(
    tmp_path: Path, settings: Any, folder: int, file: int, level: health.Level
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "audit_key").write_text("key")
    (tmp_path / "var" / "audit_key").chmod(file)
    (tmp_path / "var").chmod(folder)
    settings.VAR_DIR = tmp_path / "var"
    settings.IS_SQLITE = False

    found = vitals.check_private_files()

    assert found.level == level
    assert ("chmod" in found.mend) is (level != health.Level.OK)


@pytest.mark.slow
@pytest.mark.own_database
def test_a_new_installation_is_closed_to_others(tmp_path: Path) -> None:
    var = tmp_path / "var"

    manage(var, "check")

    assert mode(var) == 0o700
    assert mode(var / "helix.sqlite3") == 0o600
