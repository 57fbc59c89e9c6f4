"""What Helix costs while nothing is due, and what the web process weighs."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request

import psutil

from bench import house, support
from bench.figures import tell
from bench.house import House

SCHEDULES = 1_000
SETTLES_IN_S = 8.0
WINDOWS_S = (10.0, 10.0, 10.0)


def measure(at: House) -> None:
    with at.renew() as watch:
        house.schedule(watch, SCHEDULES, due_in_s=2 * 86_400)
        port = support.free_port()
        web = support.Process(
            [sys.executable, "manage.py", "web", "--port", str(port)], at.environment()
        )
        with web, support.worker(at.environment()) as worker:
            support.await_engines(watch, 2, worker)
            support.await_truth(lambda: answers(port), "the web process", process=web)
            time.sleep(SETTLES_IN_S)
            ours: list[float] = []
            database: list[float] = []
            for window_s in WINDOWS_S:
                before = _times([*web.family(), *worker.family()])
                backends = _times(support.backends(watch))
                begun = time.monotonic()
                time.sleep(window_s)
                elapsed = time.monotonic() - begun
                ours.append(100 * _spent(before) / elapsed)
                database.append(100 * _spent(backends) / elapsed)
            for path in ("/", "/healthz", "/readyz", "/admin/login/"):
                for _ in range(20):
                    visit(port, path)
            weight = [psutil.Process(web.popen.pid).memory_info().rss / 1e6]
            count = len(web.family()) + len(worker.family())
    tell(
        "idle_core_percent",
        ours,
        "% of a core",
        reach=2,
        note=f"{count} processes, {SCHEDULES} schedules; PostgreSQL's backends besides:"
        f" {max(database):.1f} % at most",
    )
    tell("web_rss_mb", weight, "MB", reach=120)


def _times(processes: list[psutil.Process]) -> dict[psutil.Process, float]:
    return {each: sum(each.cpu_times()[:2]) for each in processes}


def _spent(before: dict[psutil.Process, float]) -> float:
    """Return what `before`'s processes have used since; one that has ended is not counted."""
    now = _times([each for each in before if each.is_running()])
    return sum(spent - before[each] for each, spent in now.items())


def answers(port: int) -> bool:
    try:
        return visit(port, "/readyz") == 200
    except OSError:
        return False


def visit(port: int, path: str) -> int:
    """Return the status of a GET of our own server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
