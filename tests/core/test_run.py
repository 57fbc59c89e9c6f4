"""`manage.py run`: web and worker live and end together."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import WAIT, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.own_database]


class Helix:
    def __init__(self, var: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.main = start(var, "run", "--port", str(self.port))
        wait_for(self.is_ready, "an answer of 200 from /readyz")
        self.family = [self.main, *self.main.children(recursive=True)]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/readyz", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def alive(self) -> list[psutil.Process]:
        return [
            process
            for process in self.family
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]


@pytest.fixture
def helix(migrated: Path, tmp_path: Path) -> Iterator[Helix]:
    helix = Helix(shutil.copytree(migrated, tmp_path / "var"))
    yield helix
    for process in helix.alive():
        process.kill()
    helix.main.wait()


def test_it_becomes_ready_and_ctrl_c_ends_every_process(helix: Helix) -> None:
    os.killpg(helix.main.pid, signal.SIGINT)

    assert helix.main.wait(WAIT) == 0
    assert not helix.alive()


def test_killing_it_leaves_no_process(helix: Helix) -> None:
    helix.main.kill()

    wait_for(lambda: not helix.alive(), "all processes gone")


def test_when_one_dies_the_other_is_stopped_and_the_exit_code_says_so(helix: Helix) -> None:
    web = next(child for child in helix.main.children() if "web" in child.cmdline())
    web.kill()

    assert helix.main.wait(WAIT) == 1
    assert not helix.alive()
