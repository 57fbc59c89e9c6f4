"""Runs that wait 1 s for their provider, and the memory of a worker with 200 of them in flight."""

from __future__ import annotations

import os
import sys
import time

import psutil

from bench import house, support
from bench.figures import Peer, ask, tell
from bench.house import House
from bench.peers import celery_peer, django_q_peer

SLOTS = 200
SAMPLES = 3
DJANGO_Q_TASKS = 100  # 25 s; its four workers do four a second whatever the number
LOOKS = 10


def measure(at: House) -> None:
    with at.renew() as watch:
        env = at.environment(HELIX_SIMULATED_PROVIDER="latency_ms=1000")
        with support.worker(env) as process:
            support.await_engines(watch, 2, process)
            house.warm_up(watch, process)

            def seconds(count: int) -> float:
                before = house.settled(watch)
                begun = time.monotonic()
                house.submit(count)
                house.await_settled(watch, before + count, process)
                return time.monotonic() - begun

            few = [seconds(500) for _ in range(SAMPLES)]
            many = [seconds(5_000)]
            house.check(watch)
    alone = ask(django_q_peer.waiting_tasks, DJANGO_Q_TASKS)
    tell(
        "wait_500_s",
        few,
        "s",
        reach=4,
        peers=[_scaled(alone, 500), ask(celery_peer.waiting_tasks, 500)],
    )
    tell(
        "wait_5000_s",
        many,
        "s",
        reach=30,
        peers=[_scaled(alone, 5_000), ask(celery_peer.waiting_tasks, 5_000)],
        note="200 slots take 25 s at best",
    )


def _scaled(peer: Peer | None, count: int) -> Peer | None:
    if peer is None:
        return None
    return Peer(
        peer.name,
        peer.value * count / DJANGO_Q_TASKS,
        f"extrapolated from {DJANGO_Q_TASKS} tasks in {peer.value:.1f} s",
    )


def measure_memory(at: House) -> None:
    plain = _memory(at, at.environment(**_FULL, HELIX_SIMULATED_PROVIDER="latency_ms=1000"))
    with support.Process([sys.executable, "-m", "bench.slow_vendor", "18731"], dict(os.environ)):
        env = at.environment(
            **_FULL,
            OPENAI_COMPATIBLE_BASE_URL="http://127.0.0.1:18731/v1",
            OPENAI_COMPATIBLE_API_KEY="bench",
            OPENAI_COMPATIBLE_MODEL="bench-1",
        )
        with_sdk = _memory(at, env, model="compatible:bench-1")
    tell("worker_uss_mb", plain, "MB", reach=100, note=f"one process, {SLOTS} runs in flight")
    tell(
        "worker_uss_with_sdk_mb",
        with_sdk,
        "MB",
        reach=200,
        note=f"the same on a server that speaks OpenAI's API: pydantic-ai, its SDK, {SLOTS}"
        " connections",
    )


_FULL = {"HELIX_CONCURRENCY": str(SLOTS)}


def _memory(at: House, env: dict[str, str], *, model: str = "") -> list[float]:
    """Return each engine process's private memory in MB, the most of some looks at full slots."""
    with at.renew() as watch:
        if model:
            support.manage(env, "migrate", "--verbosity", "0")  # which lists the new model
        with support.worker(env) as process:
            pids = support.await_engines(watch, 2, process)
            house.warm_up(watch, process, model=model)
            house.submit(SLOTS * 12, model=model)
            most = dict.fromkeys(pids, 0.0)
            for _ in range(LOOKS):
                time.sleep(0.3)
                row = watch.execute(
                    "SELECT count(*) FROM operation_runs WHERE status = 'running'"
                ).fetchone()
                if row is not None and row[0] >= SLOTS * 1.8:
                    for pid in pids:
                        most[pid] = max(most[pid], psutil.Process(pid).memory_full_info().uss / 1e6)
            if not all(most.values()):
                raise RuntimeError(f"The slots were never full.\n{process.log[-3000:]}")
            return list(most.values())
