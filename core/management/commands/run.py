from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from core.lifeline import PARENT

ENDS_WITHIN_S = 35.0  # the worker gives what is in flight 25 s, and its jobs 30
LOOK_AROUND_S = 0.2
LAST_PORT = 65_535


class Command(BaseCommand):
    help = "Bring the installation up to date, then run web and worker until Ctrl-C stops both."
    requires_system_checks = []  # `setup` first: they read tables

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, port: int, **_: Any) -> None:
        look_at_port(port)
        call_command("setup")
        connections.close_all()  # from here on we only wait
        self.stdout.write(f"Helix: http://127.0.0.1:{port}/   (Ctrl-C stops it)")
        told = 0

        def tell(_signum: int, _frame: FrameType | None) -> None:
            nonlocal told
            told += 1

        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, tell)
        children = {"web": start("web", "--port", str(port)), "worker": start("worker")}
        while not told and all(child.poll() is None for child in children.values()):
            time.sleep(LOOK_AROUND_S)
        ended = [name for name, child in children.items() if child.poll() is not None]
        for child in children.values():
            child.terminate()
        self.stdout.write("Stopping; calls in flight may end. Ctrl-C again stops at once.")
        deadline = time.monotonic() + ENDS_WITHIN_S
        while any(child.poll() is None for child in children.values()):
            if told > 1 or time.monotonic() > deadline:
                for child in children.values():
                    child.kill()
            time.sleep(LOOK_AROUND_S)
        if ended and not told:
            raise CommandError(f"The {ended[0]} process {end_of(children[ended[0]].returncode)}")


def end_of(code: int) -> str:
    """Return how a process ended that nobody had told to."""
    if code < 0:
        return f"was killed by signal {-code} ({signal.Signals(-code).name}). No run is lost."
    return "ended by itself; its last lines say why."


def look_at_port(port: int) -> None:
    """Refuse a port that the web process could not take, before anything is started."""
    if not 1 <= port <= LAST_PORT:
        raise CommandError(f"--port must be from 1 to {LAST_PORT}; {port} is not.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used: {error.strerror}. Choose another: make run PORT=…"
            ) from error


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a command of ours in a session of its own, so that Ctrl-C reaches us alone."""
    return subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, sys.argv[0], *arguments],
        env=os.environ | {PARENT: str(os.getpid())},
        start_new_session=True,
    )
