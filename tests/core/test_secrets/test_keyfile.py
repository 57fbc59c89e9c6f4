from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from core.secrets.keyfile import read_or_create


def test_a_key_is_made_once_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"

    assert read_or_create(path, lambda: "first") == "first"
    assert read_or_create(path, lambda: "second") == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_everybody_who_starts_at_once_reads_the_same_key(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    keys: list[str] = []

    def begin(number: int) -> None:
        start.wait()
        keys.append(read_or_create(tmp_path / "key", lambda: f"key {number}"))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    with pytest.raises(ValueError, match="is empty"):
        read_or_create(tmp_path / "key", lambda: "new")
