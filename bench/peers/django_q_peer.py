"""What django-q2 alone does with the same work: a cluster and a database of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import support
from bench.figures import Peer, percentile
from bench.peers import django_q_tasks

SETTLES_IN_S = 4.0
_TASKS = "bench.peers.django_q_tasks"


class _Cluster:
    def __init__(self, url: str) -> None:
        self.url = url
        self.watch = psycopg.connect(url, autocommit=True)

    def environment(self, **more: str) -> dict[str, str]:
        settings = {"DJANGO_SETTINGS_MODULE": "bench.peers.django_q_settings"}
        return support.environment(self.url, "", **settings, **more)

    def run(self, code: str, **more: str) -> support.Process:
        """Run Python in django-q2's own environment: this process is set up as Helix."""
        text = f"import django; django.setup(); {code}"
        return support.Process([sys.executable, "-c", text], self.environment(**more))

    def do(self, code: str) -> None:
        with self.run(code) as process:
            if process.popen.wait(120):
                raise RuntimeError(process.log)

    def start(self, **more: str) -> support.Process:
        return self.run(
            "from django.core.management import call_command as c; c('qcluster')", **more
        )

    def notes(self, name: str) -> list[float]:
        rows = self.watch.execute("SELECT value FROM notes WHERE name = %s", [name]).fetchall()
        return [row[0] for row in rows]

    def await_notes(self, name: str, count: int, process: support.Process, within_s: float) -> Any:
        return support.await_truth(
            lambda: len(self.notes(name)) >= count,
            f"{count} “{name}”",
            within_s=within_s,
            every_s=0.1,
            process=process,
        )


@contextmanager
def _opened() -> Iterator[_Cluster]:
    with support.own_database("helix_bench_peer") as url:
        cluster = _Cluster(url)
        cluster.do(
            "from django.core.management import call_command as c; c('migrate', verbosity=0)"
        )
        cluster.watch.execute(django_q_tasks.TABLE)
        try:
            yield cluster
        finally:
            cluster.watch.close()


def empty_tasks(count: int) -> Peer:
    """Return its empty tasks a second: two workers, the queue filled first, nothing stored."""
    with _opened() as cluster:
        cluster.do(
            "from django_q.tasks import async_task; from django.db import transaction\n"
            "with transaction.atomic():\n"
            f"  async_task('{_TASKS}.mark', 'begun')\n"
            f"  for _ in range({count}): async_task('{_TASKS}.nothing')\n"
            f"  async_task('{_TASKS}.mark', 'ended')\n"
        )
        with cluster.start() as process:
            cluster.await_notes("ended", 1, process, 180)
            seconds = cluster.notes("ended")[0] - cluster.notes("begun")[0]
            return Peer("django-q2 alone, empty tasks", count / seconds)


def waiting_tasks(count: int) -> Peer:
    """Return the seconds that four workers take over `count` tasks that sleep 1 s."""
    with _opened() as cluster, cluster.start(BENCH_WORKERS="4") as process:
        time.sleep(SETTLES_IN_S)
        begun = time.time()
        cluster.do(
            f"from django_q.tasks import async_task\nfor _ in range({count}):"
            f" async_task('{_TASKS}.wait')"
        )
        cluster.await_notes("waited", count, process, count / 4 * 2 + 60)
        return Peer("django-q2 alone, 4 workers", max(cluster.notes("waited")) - begun)


def fire_lag(count: int) -> Peer:
    """Return the p99 from due to started of schedules of its own that are due at one instant."""
    with _opened() as cluster, cluster.start() as process:
        time.sleep(SETTLES_IN_S)
        due = time.time() + 5
        cluster.do(
            "from datetime import UTC, datetime; from django_q.models import Schedule\n"
            "Schedule.objects.bulk_create([Schedule("
            f"func='{_TASKS}.note_lag', args='({due},)', schedule_type=Schedule.ONCE,"
            f" next_run=datetime.fromtimestamp({due}, UTC), repeats=-1) for _ in range({count})])"
        )
        cluster.await_notes("lag", count, process, 180)
        return Peer("django-q2 alone, its scheduler", percentile(cluster.notes("lag"), 0.99))
