"""Open pages at a real web process: what they hear, and how it stops."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import WAIT, manage
from tests.web_process import Web, add_people

pytestmark = [pytest.mark.slow, pytest.mark.own_database]

SETTINGS = "tests.core.live_probe.settings"
BUSY_S = 5  # what a crowded machine may add; that uvicorn had to cancel nothing is the real proof


def listen(web: Web, cookie: str) -> http.client.HTTPResponse:
    return web.ask("GET", "/events/?r=probe", Cookie=cookie)


def read_event(stream: http.client.HTTPResponse) -> str:
    lines = []
    while line := stream.readline().decode().rstrip("\n"):
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture
def web(migrated: Path, tmp_path: Path) -> Iterator[Web]:
    var = shutil.copytree(migrated, tmp_path / "var")
    add_people(var, "ada", "ben")
    web = Web(var, SETTINGS)
    yield web
    web.process.kill()
    web.process.wait()


def test_a_page_hears_of_its_owners_change_and_of_nobody_elses(web: Web) -> None:
    ada, ben = listen(web, web.sign_in("ada")), listen(web, web.sign_in("ben"))
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
    streams = [listen(web, cookie) for _ in range(5)]
    for stream in streams:
        read_event(stream)
        read_event(stream)

    begun = time.monotonic()
    os.kill(web.process.pid, signum)
    web.process.wait(WAIT)

    assert time.monotonic() - begun < 3 + BUSY_S
    assert all(stream.read() == b"" for stream in streams)
    log = web.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert "Cancel" not in log


def test_who_is_signed_out_is_refused(web: Web) -> None:
    assert listen(web, "").status == 401
