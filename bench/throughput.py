"""Runs a second of one engine loop, its own processor time per run."""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
import psycopg

from bench import house, support
from bench.figures import ask, tell
from bench.house import House
from bench.peers import celery_peer, django_q_peer

RUNS = 10_000
SAMPLES = 3
PEER_RUNS = 5_000
DJANGO_Q_RUNS = 1_500


def measure(at: House) -> None:
    rates: list[float] = []
    engine_ms: list[float] = []
    database_ms: list[float] = []
    with at.renew() as watch:
        env = at.environment(DJANGO_SETTINGS_MODULE="config.settings")
        with support.Process([sys.executable, "-m", "bench.one_engine"], env) as process:
            support.await_engines(watch, 1, process)
            house.warm_up(watch, process)
            engine = psutil.Process(process.popen.pid)
            for _ in range(SAMPLES):
                before = house.settled(watch)
                house.submit(RUNS)
                cpu, backends, begun = _cpu(engine), _backends(watch), time.monotonic()
                house.await_settled(watch, before + RUNS, process)
                rates.append(RUNS / (time.monotonic() - begun))
                engine_ms.append((_cpu(engine) - cpu) * 1000 / RUNS)
                database_ms.append((_backends(watch) - backends) * 1000 / RUNS)
            house.check(watch)
    tell(
        "runs_per_s",
        rates,
        "runs/s",
        reach=1_500,
        is_rate=True,
        peers=[
            ask(celery_peer.empty_tasks, PEER_RUNS),
            ask(django_q_peer.empty_tasks, DJANGO_Q_RUNS),
        ],
        note="ours: gate, attempt, settlement, rollup; theirs: empty tasks, nothing stored",
    )
    tell(
        "engine_cpu_ms_per_run",
        engine_ms,
        "ms",
        reach=0.7,
        note=f"PostgreSQL's own: {max(database_ms):.2f} ms at most",
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _backends(watch: psycopg.Connection[Any]) -> float:
    """Return the processor time of this database's server processes, where they are local."""
    return sum(map(_cpu, support.backends(watch)))
