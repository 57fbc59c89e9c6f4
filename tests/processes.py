"""Helix as it is started for real: commands as processes of their own, on an SQLite file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
WAIT = 30.0  # seconds; two busy cores start a worker in some three


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"not within {WAIT} s: {what}"
        time.sleep(0.05)


def manage(var: Path, *arguments: str, settings: str = "config.settings") -> str:
    done = subprocess.run(  # noqa: S603  # our own command and arguments
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=_environment(var, settings),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def start(var: Path, *arguments: str, settings: str = "config.settings") -> psutil.Popen:
    """Start a command in a session of its own; its process id is that of the group."""
    return psutil.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=_environment(var, settings),
        start_new_session=True,
    )


def _environment(var: Path, settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{var / 'helix.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": settings,
        "HELIX_VAR_DIR": str(var),
        "SECRET_KEY": "tests-only",
    }
