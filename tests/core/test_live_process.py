"""Open pages at a real web process: what they hear, and how it stops."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.processes import ROOT, WAIT, _environment, manage, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.own_database]

SETTINGS = "tests.core.live_probe.settings"
PASSWORD = "correct-horse-battery"


class Web:
    """A web process of its own, with a person who may sign in."""

    def __init__(self, var: Path) -> None:
        self.var = var
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = var / "web.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "manage.py", "web", "--port", str(self.port)],
                cwd=ROOT,
                env=_environment(var, SETTINGS),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.answers, "an answer of the web process")

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> http.client.HTTPResponse:
        there = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        there.request(method, path, body, headers)
        return there.getresponse()

    def sign_in(self, username: str) -> str:
        """Return the cookies of somebody who has signed in, as a header."""
        page = self.ask("GET", "/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
        assert token
        form = {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = self.ask("POST", "/sign-in/", urlencode(form), Cookie=cookies(page))
        assert answer.status == 302, answer.read()
        return cookies(answer)

    def listen(self, cookie: str) -> http.client.HTTPResponse:
        return self.ask("GET", "/events/?r=probe", Cookie=cookie)


def cookies(answer: http.client.HTTPResponse) -> str:
    set_ones = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(each.partition(";")[0] for each in set_ones)


def read_event(stream: http.client.HTTPResponse) -> str:
    lines = []
    while line := stream.readline().decode().rstrip("\n"):
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture
def web(migrated: Path, tmp_path: Path) -> Iterator[Web]:
    var = shutil.copytree(migrated, tmp_path / "var")
    make = (
        "from accounts.models import User\n"
        f"for name in ('ada', 'ben'): User.objects.create_user(name, password={PASSWORD!r})"
    )
    manage(var, "shell", "-c", make)
    web = Web(var)
    yield web
    web.process.kill()
    web.process.wait()


def test_a_page_hears_of_its_owners_change_and_of_nobody_elses(web: Web) -> None:
    ada, ben = web.listen(web.sign_in("ada")), web.listen(web.sign_in("ben"))
    assert ada.headers["Content-Type"] == "text/event-stream"
    assert ada.headers["Content-Encoding"] == "identity"
    for stream, name in ((ada, "ada"), (ben, "ben")):
        assert read_event(stream) == "retry: 2000"
        assert f"{name}: 0 runs" in read_event(stream)

    done = manage(
        web.var,
        "run_operation",
        "task-breakdown",
        "--user=ada",
        '--params={"title": "Move house"}',
        "--json",
    )
    assert json.loads(done)

    assert "ada: 1 runs" in read_event(ada)
    web.process.send_signal(signal.SIGTERM)
    assert ben.read() == b""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_with_pages_open(web: Web, signum: signal.Signals) -> None:
    cookie = web.sign_in("ada")
    streams = [web.listen(cookie) for _ in range(5)]
    for stream in streams:
        read_event(stream)
        read_event(stream)

    begun = time.monotonic()
    os.kill(web.process.pid, signum)
    web.process.wait(WAIT)

    assert time.monotonic() - begun < 3
    assert all(stream.read() == b"" for stream in streams)
    log = web.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert "Cancel" not in log


def test_who_is_signed_out_is_refused(web: Web) -> None:
    assert web.listen("").status == 401
