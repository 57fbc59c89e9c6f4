"""Run the suite on SQLite, then on PostgreSQL where one is found; say plainly what was left out.

Browser tests run once, on SQLite. Arguments go to pytest. PostgreSQL is, in this order:
DATABASE_URL_TEST, a server that answers on 127.0.0.1:5432, or a temporary one started from
installed binaries.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tools.chromium import WHERE, find_chromium

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"
NO_TESTS_CHOSEN = 5  # pytest's exit code
STARTS_WITHIN_S = 30


def main(arguments: list[str]) -> int:
    left_out = [] if find_chromium() else [f"browser tests: no Chromium; {WHERE}"]
    codes = [run("SQLite", "", "", arguments)]
    with postgresql() as (url, why_not):
        if url:
            codes.append(run("PostgreSQL", url, "not own_database and not browser", arguments))
        else:
            left_out.append(f"PostgreSQL: {why_not}")
    print()
    for line in left_out or ["nothing"]:
        print(f"Left out: {line}")
    return int(any(code not in {0, NO_TESTS_CHOSEN} for code in codes))


def run(name: str, url: str, marks: str, arguments: list[str]) -> int:
    print(f"\n--- {name} ---", flush=True)
    chosen = ["-m", marks] if marks else []
    command = [sys.executable, "-m", "pytest", "-n", "2", "--create-db", *chosen, *arguments]
    with tempfile.TemporaryDirectory(prefix="helix-test-") as var:
        environment = os.environ | {
            "DATABASE_URL": url or f"sqlite:///{var}/helix.sqlite3",
            "HELIX_TEST_DB": "test_helix",
            "HELIX_VAR_DIR": var,
        }
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, str]]:
    """Yield the URL of a server that lets us make databases, or "" and the reason."""
    given = os.environ.get("DATABASE_URL_TEST", "")
    if given:
        yield given, ""
    elif answers(LOCAL):
        yield LOCAL, ""
    elif binaries := find_binaries():
        with tempfile.TemporaryDirectory(prefix="helix-postgresql-") as directory:
            yield from start(binaries, Path(directory))
    else:
        yield "", "none answers on 127.0.0.1:5432, none is installed, no DATABASE_URL_TEST"


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def find_binaries() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next(
        (each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()),
        None,
    )


def start(binaries: Path, directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the URL of a temporary server; stop it afterwards. Root becomes “nobody” for it."""
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data = directory / "data"
    made = subprocess.run(
        [binaries / "initdb", "-D", data, "--username=postgres", "--auth=trust", "--no-sync"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        **as_whom,
    )
    if made.returncode:
        yield "", f"initdb failed: {made.stderr.strip().splitlines()[-1]}"
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=200")
    server = subprocess.Popen(
        [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(directory)]
        + [part for option in options for part in ("-c", option)],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_whom,
    )
    url = f"postgres://postgres@127.0.0.1:{port}/postgres"
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not answers(url) and time.monotonic() < deadline and server.poll() is None:
            time.sleep(0.2)
        yield (url, "") if answers(url) else ("", "the temporary server did not start")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
