"""Webhooks coming in at 200 a second: how long each sender waits for its 202.

A real web process on PostgreSQL, a real worker beside it that does the runs, and senders with
connections of their own that keep to their times: one that had to wait for its turn waits in the
figure too. Afterwards each 202 must have its one execution.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psutil
import psycopg

from bench import house, support
from bench.figures import percentile, tell
from bench.house import House
from bench.idle import answers

FIGURE = "webhook_p99_ms"
REACH_MS = 50
RATE = 200.0  # a second
WARM_S = 3.0  # connections, caches; not in the figure
WINDOW_S = 20.0
SCHEDULES = 20
SENDERS = 40  # connections
LATENCY_MS = 500  # of the simulated model
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")


@dataclass(frozen=True)
class Target:
    path: str
    dialect: str
    secret: Any


@dataclass
class Answered:
    lag_ms: float
    status: int
    execution_id: str


def measure(at: House) -> None:
    from django.db import connections

    env = at.environment(HELIX_SIMULATED_PROVIDER=f"latency_ms={LATENCY_MS}")
    with at.renew() as watch:
        targets = _targets()
        connections.close_all()
        port = support.free_port()
        command = [sys.executable, "manage.py", "web", "--port", str(port)]
        with support.Process(command, env) as web, support.worker(env) as worker:
            support.await_engines(watch, 2, worker)
            support.await_truth(lambda: answers(port), "the web process", process=web)
            house.warm_up(watch, worker)
            asyncio.run(_deliver(port, targets, WARM_S))
            process = psutil.Process(web.popen.pid)
            before = sum(process.cpu_times()[:2])
            told = asyncio.run(_deliver(port, targets, WINDOW_S))
            cpu_ms = 1_000 * (sum(process.cpu_times()[:2]) - before) / len(told)
        _check(watch, told)
    lags = [each.lag_ms for each in told]
    tell(
        FIGURE,
        [percentile(lags, 0.99)],
        "ms",
        reach=REACH_MS,
        note=f"{len(lags):,} deliveries at {RATE:g}/s to {SCHEDULES} schedules, each answered with "
        f"202; median {percentile(lags, 0.5):.1f} ms, longest {max(lags):.0f} ms; "
        f"{cpu_ms:.1f} ms of the web process each",
    )


def _targets() -> list[Target]:
    from accounts.models import User
    from scheduling import services
    from scheduling.models import Schedule

    owners = list(User.objects.order_by("username"))
    targets = []
    for number in range(SCHEDULES):
        owner = owners[number % len(owners)]
        operation, parameters = house.work(number)
        dialect = Schedule.Dialect.values[number % len(Schedule.Dialect.values)]
        schedule = services.create_schedule(
            owner=owner,
            by=owner,
            operation=operation,
            type=Schedule.Type.WEBHOOK,
            dialect=dialect,
            parameters=parameters,
        )
        targets.append(Target(schedule.webhook_path, dialect, schedule.new_secret))
    return targets


async def _deliver(port: int, targets: list[Target], for_s: float) -> list[Answered]:
    """Send at the rate, each at its time; return how long after it each was answered."""
    begun = time.monotonic() + 0.2
    numbers = iter(range(int(RATE * for_s)))
    told: list[Answered] = []

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            due = begun + number / RATE
            request = _request(targets[number % len(targets)], number)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(request)
            status, body = await _answer(reader)
            lag_ms = (time.monotonic() - due) * 1_000
            told.append(Answered(lag_ms, status, str(body.get("execution_id", ""))))
        writer.close()

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return told


def _request(target: Target, number: int) -> bytes:
    from scheduling.webhooks import signing

    said = {"id": f"evt_{uuid4()}", "event": "order.paid", "number": number, "note": "x" * 500}
    body = json.dumps(said).encode()
    signed = signing.sign(target.dialect, target.secret, body, datetime.now(UTC), str(uuid4()))
    headers = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **signed,
    }
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = _STATUS.match(head), _LENGTH.search(head)
    if status is None or length is None:
        raise RuntimeError(f"An answer that is none: {head!r}")
    body = await reader.readexactly(int(length[1]))
    return int(status[1]), json.loads(body)


def _check(watch: psycopg.Connection[Any], told: list[Answered]) -> None:
    """Raise unless each delivery was taken and has one execution, of its own."""
    others = sorted({each.status for each in told} - {202})
    if others:
        raise RuntimeError(f"Deliveries were answered with {others} instead of 202.")
    ids = {each.execution_id for each in told}
    row = watch.execute(
        "SELECT count(*) FROM schedule_executions x JOIN webhook_events e ON e.execution_id = x.id"
        " WHERE x.id = ANY(%s::uuid[])",
        [list(ids)],
    ).fetchone()
    if row is None or not row[0] == len(ids) == len(told):
        raise RuntimeError(f"{len(told)} answers of 202, {len(ids)} ids, {row} executions.")
