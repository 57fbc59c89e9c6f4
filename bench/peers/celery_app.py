"""Celery on Redis, storing nothing: the peer queue. `bench.peers.celery_peer` starts it."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import Celery
from celery.schedules import BaseSchedule

QUEUE = os.environ.get("BENCH_QUEUE", "helix-bench")
URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("bench", broker=URL)
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    enable_utc=True,
    timezone="UTC",
    worker_send_task_events=False,
    worker_prefetch_multiplier=4,  # its default
)
# 200 threads share these; a client of its own would refuse the 101st.
store = redis.Redis(
    connection_pool=redis.BlockingConnectionPool.from_url(URL, max_connections=20, timeout=30)
)


@app.task
def nothing() -> None: ...


@app.task
def wait() -> None:
    time.sleep(1)
    store.incr(f"{QUEUE}:count")


@app.task
def mark(name: str) -> None:
    store.set(f"{QUEUE}:{name}", time.time())


@app.task
def note_lag(due: float) -> None:
    store.rpush(f"{QUEUE}:lags", time.time() - due)


class At(BaseSchedule):
    """Due once, at a moment: what a thousand entries for the same minute come to."""

    def __init__(self, due: float) -> None:
        super().__init__()
        self.due = due

    def is_due(self, last_run_at: datetime) -> Any:
        now = time.time()
        if last_run_at.timestamp() < self.due <= now:
            return True, 3600.0
        return False, self.due - now if now < self.due else 3600.0

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        return timedelta(seconds=self.due - time.time())

    def __reduce__(self) -> Any:
        return At, (self.due,)


if "BENCH_DUE" in os.environ:
    _due = float(os.environ["BENCH_DUE"])
    app.conf.beat_schedule = {
        f"entry-{number}": {"task": note_lag.name, "schedule": At(_due), "args": (_due,)}
        for number in range(int(os.environ["BENCH_COUNT"]))
    }
