"""A PostgreSQL of our own, from the installed binaries, that may be stopped, killed and frozen."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg

STARTS_WITHIN_S = 60.0
CONNECTIONS = 200  # 64 submitters, the engines and their sentinels


def binaries() -> Path | None:
    """Return the folder that holds `initdb` and `postgres`, the newest where there are several."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next((each for each in folders if (each / "postgres").exists()), None)


@contextlib.contextmanager
def own_cluster(programs: Path) -> Iterator[Cluster]:
    """Yield a running server on a free port; it is gone with its folder afterwards.

    It writes as safely as one in production: what is measured is its recovery, too.
    """
    folder = Path(tempfile.mkdtemp(prefix="helix-cluster-"))
    cluster = Cluster(programs, folder)
    try:
        cluster.make()
        cluster.start()
        yield cluster
    finally:
        cluster.end()
        shutil.rmtree(folder)


class Cluster:
    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    def make(self) -> None:
        whom = self._as_whom()
        if whom:
            os.chown(self._folder, whom["user"], whom["group"])
        data = str(self._folder / "data")
        command = [str(self._programs / "initdb"), "-D", data, "-U", "postgres", "--auth=trust"]
        subprocess.run(  # noqa: S603  # an installed program
            command, cwd=self._folder, check=True, capture_output=True, **whom
        )

    @staticmethod
    def _as_whom() -> dict[str, Any]:
        """Return whom to be: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return {}
        names = {user.pw_name: user for user in pwd.getpwall()}
        user = names.get("postgres") or names["nobody"]
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def start(self) -> None:
        """Start the server and return once it answers."""
        settings = ("listen_addresses=127.0.0.1", f"max_connections={CONNECTIONS}")
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        command += ["-p", str(self._port), "-k", str(self._folder)]
        command += [part for setting in settings for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603  # an installed program
                command,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C", "PATH": os.defpath},
                start_new_session=True,
                **self._as_whom(),
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def kill(self) -> None:
        """End the server at once, as `pg_ctl -m immediate` does: it has to recover at its start."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End the server in order, without waiting for clients, as `pg_ctl -m fast` does."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._server is None:
            return
        self._server.send_signal(how)
        self._server.wait()

    def freeze(self) -> list[psutil.Process]:
        """Stop all its processes where they stand; return them, to be woken with `wake`."""
        if self._server is None:
            return []
        first = psutil.Process(self._server.pid)
        frozen = [first, *first.children(recursive=True)]
        for each in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.suspend()
        return frozen

    @staticmethod
    def wake(frozen: list[psutil.Process]) -> None:
        for each in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.resume()

    def end(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self.kill()
