"""What Celery on Redis does with the same work; None where it or Redis is missing."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench import support
from bench.figures import Peer, percentile

REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
SETTLES_IN_S = 3.0  # for a worker to connect and be idle


@cache
def is_there() -> bool:
    if not all(map(importlib.util.find_spec, ("celery", "redis"))):
        return False
    import redis

    try:
        return bool(redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping())
    except redis.RedisError:
        return False


class _Celery:
    def __init__(self, queue: str) -> None:
        os.environ["BENCH_QUEUE"] = queue
        from bench.peers import celery_app

        self.tasks = celery_app
        self.queue = queue
        self.store = celery_app.store

    def command(self, *arguments: str, **more: str) -> support.Process:
        env = support.environment("", "", BENCH_QUEUE=self.queue, BENCH_REDIS_URL=REDIS, **more)
        command = [sys.executable, "-m", "celery", "-A", "bench.peers.celery_app", *arguments]
        return support.Process(command, env)

    def worker(self, *options: str) -> support.Process:
        return self.command(
            "worker", "-l", "ERROR", "--without-gossip", "--without-mingle", *options
        )

    def forget(self) -> None:
        for key in self.store.scan_iter(f"{self.queue}*"):
            self.store.delete(key)


@contextmanager
def _opened() -> Iterator[_Celery]:
    celery = _Celery(f"helix-bench-{os.getpid()}")
    celery.forget()
    try:
        yield celery
    finally:
        celery.forget()


def empty_tasks(count: int) -> Peer | None:
    """Return its empty tasks a second: one worker with a process a core, the queue filled first."""
    if not is_there():
        return None
    with _opened() as celery, celery.tasks.app.producer_pool.acquire() as producer:
        celery.tasks.mark.apply_async(("begun",), producer=producer)
        for _ in range(count):
            celery.tasks.nothing.apply_async(producer=producer)
        celery.tasks.mark.apply_async(("ended",), producer=producer)
        with celery.worker():
            ended = support.await_truth(
                lambda: celery.store.get(f"{celery.queue}:ended"), "the last task", within_s=120
            )
            begun = celery.store.get(f"{celery.queue}:begun")
            return Peer("celery on redis, empty tasks", count / (float(ended) - float(begun)))


def waiting_tasks(count: int) -> Peer | None:
    """Return the seconds that it takes over tasks that sleep 1 s, with 200 threads."""
    if not is_there():
        return None
    with _opened() as celery, celery.worker("-P", "threads", "-c", "200") as worker:
        time.sleep(SETTLES_IN_S)
        begun = time.monotonic()
        with celery.tasks.app.producer_pool.acquire() as producer:
            for _ in range(count):
                celery.tasks.wait.apply_async(producer=producer)
        support.await_truth(
            lambda: int(celery.store.get(f"{celery.queue}:count") or 0) >= count,
            "all tasks",
            within_s=180,
            process=worker,
        )
        return Peer("celery on redis, 200 threads", time.monotonic() - begun)


def fire_lag(count: int) -> Peer | None:
    """Return the p99 from due to started of entries of its beat that are due at one instant."""
    if not is_there():
        return None
    with _opened() as celery, celery.worker(), tempfile.TemporaryDirectory() as folder:
        time.sleep(SETTLES_IN_S)
        due = time.time() + 5
        beat = celery.command(
            "beat",
            "-l",
            "ERROR",
            "--pidfile=",
            "-s",
            str(Path(folder) / "beat"),
            BENCH_DUE=str(due),
            BENCH_COUNT=str(count),
        )
        with beat:
            support.await_truth(
                lambda: celery.store.llen(f"{celery.queue}:lags") >= count,
                "all entries",
                within_s=60,
                process=beat,
            )
        lags = [float(each) for each in celery.store.lrange(f"{celery.queue}:lags", 0, -1)]
        return Peer("celery beat on redis", percentile(lags, 0.99))
