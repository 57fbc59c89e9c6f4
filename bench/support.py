"""What benchmarks and hardships share: a database of their own, and processes of Helix on it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ.get("DATABASE_URL_TEST") or "postgres://postgres@127.0.0.1:5432/postgres"
STARTS_WITHIN_S = 60.0
ENDS_WITHIN_S = 45.0


@contextlib.contextmanager
def own_database(name: str) -> Iterator[str]:
    """Make an empty database on the test server, yield its URL, drop it."""
    name = f"{name}_{os.getpid()}"
    drop_database(name)
    _on_server("CREATE DATABASE {}", name)
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        drop_database(name)


def drop_database(name: str) -> None:
    _on_server("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def make_database(name: str) -> None:
    """Make an empty database unless there is one of this name."""
    with contextlib.suppress(psycopg.errors.DuplicateDatabase):
        _on_server("CREATE DATABASE {}", name)


def copy_database(template: str, name: str) -> None:
    """Make the database `name` anew, as a copy of `template`; nobody may be connected to either."""
    drop_database(name)
    _on_server("CREATE DATABASE {} TEMPLATE {}", name, template)


def _on_server(statement: str, *names: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(
            sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        )


def environment(url: str, var: str | Path, **more: str) -> dict[str, str]:
    """Return the environment of a process of Helix: nothing of ours but the path and what is given.

    Keys of vendors that happen to be set here must not be spent by a benchmark.
    """
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
        if name in os.environ
    }
    return kept | {"DATABASE_URL": url, "HELIX_VAR_DIR": str(var), "SECRET_KEY": "bench"} | more


def manage(env: Mapping[str, str], *arguments: str) -> str:
    """Run a management command to its end; return what it printed."""
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class Process:
    """A process started for a measurement, in a session of its own, with its log in a file."""

    def __init__(self, command: list[str], env: Mapping[str, str], *, cwd: Path = ROOT) -> None:
        self._log = tempfile.NamedTemporaryFile("w+", prefix="helix-bench-")  # noqa: SIM115
        self.popen = subprocess.Popen(  # noqa: S603  # our own commands
            command,
            cwd=cwd,
            env=dict(env),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """Return the process and its descendants that live now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.popen.pid)
            return [first, *first.children(recursive=True)]
        return []

    def stop(self) -> None:
        """Ask it to end; kill it with all its descendants when it does not."""
        family = self.family()
        self.popen.terminate()
        try:
            self.popen.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            self.popen.wait()
        self._log.close()


def worker(env: Mapping[str, str]) -> Process:
    """Start `manage.py worker`; `await_engines` says when its loops are at work."""
    return Process([sys.executable, "manage.py", "worker"], env)


def await_engines(
    connection: psycopg.Connection[Any], count: int, process: Process | None = None
) -> list[int]:
    """Wait until `count` engine loops beat; return their processes' ids."""

    def pids() -> list[int]:
        rows = connection.execute(
            "SELECT pid FROM engine_workers WHERE beat_at > now() - interval '15 s'"
        ).fetchall()
        return [row[0] for row in rows] if len(rows) >= count else []

    return await_truth(pids, f"{count} engine loops", process=process)


def await_truth(
    look: Callable[[], Any],
    what: str,
    *,
    within_s: float = STARTS_WITHIN_S,
    every_s: float = 0.02,
    process: Process | None = None,
) -> Any:
    """Call `look` until it returns something true, and return that."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        if process is not None and process.popen.poll() is not None:
            raise RuntimeError(f"The process ended while we waited for {what}:\n{process.log}")
        time.sleep(every_s)
    tail = process.log[-3000:] if process else ""
    raise TimeoutError(f"No {what} within {within_s:g} s. {tail}")


def backends(connection: psycopg.Connection[Any]) -> list[psutil.Process]:
    """Return the server's processes for others on this database; none where they are not local."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    ).fetchall()
    found = []
    for (pid,) in rows:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.name() == "postgres":
                found.append(process)
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def leave_in_order() -> None:
    """Have SIGTERM end this process as Ctrl-C does, so that what it made is taken away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
