"""A web process that is started for real, on an SQLite file of its own."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from tests.builders import PASSWORD
from tests.processes import ROOT, WAIT, _environment, manage, wait_for


def add_people(var: Path, *names: str) -> None:
    make = f"for name in {names!r}: User.objects.create_user(name, password={PASSWORD!r})"
    manage(var, "shell", "-c", f"from accounts.models import User\n{make}")


class Web:
    """A web process, its log, and what a browser would ask it."""

    def __init__(self, var: Path, settings: str = "config.settings") -> None:
        self.var = var
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = var / "web.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "manage.py", "web", "--port", str(self.port)],
                cwd=ROOT,
                env=_environment(var, settings),
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


def cookies(answer: http.client.HTTPResponse) -> str:
    set_ones = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(each.partition(";")[0] for each in set_ones)
