"""Kill everything, again and again, under load; then ask the ledger whether anything is wrong.

    make crash                                       ten rounds on a PostgreSQL of its own
    python -m bench.crash --database sqlite          one worker, 200 runs
    python -m bench.crash --quick                    three rounds, under 90 s

Two `manage.py worker` and one `manage.py web` run while a thread keeps 1,000 runs waiting or in
flight for ten owners, four of them with nearly empty budgets that are raised a little at a time,
and a schedule each that fires every minute. In each round one fault is chosen by chance, each kind
once before any comes twice; what was killed is started again, and the time is taken:

    recovery    from the fault (of the database: from its return) until no run is “running” under a
                worker that is gone and a call that was begun after it has been answered; for web,
                until it answers again

A run is **lost** when `submit` returned it and it is not final in the end. The rest is SQL in
`bench/ledger.py`: settled exactly once (a trigger of the test database writes down every end),
nothing held, budgets equal to what their attempts booked, rollups equal to the runs, only calls
that a kill cut off are repeated, and those are booked, too. A sampler looks at spent + held ≤ limit
ten times a second, all the time. Prints one JSON line a figure; exit code 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psutil

from bench import ledger, support
from bench.cluster import Cluster, binaries, own_cluster
from bench.ledger import Database, Sampler

SIMULATED = "simulated:simulated-1"
OWNERS = 10
POOR = 4  # of the owners; their budgets are nearly empty, always
SHARE_OF_THE_POOR = 0.05  # of all runs; still several times what they can pay
MOST_RECOVERY_S = 20.0
PATIENCE_S = 90.0  # after which a recovery is given up, and the round fails
FROZEN_S = 25.0  # longer than a worker may be silent
AWAY_S = 20.0
DRAIN_S = 240.0
FIRST_USD = Decimal("0.001")  # what the poor begin with
RAISE_USD = Decimal("0.0004")  # some six calls, every twenty seconds or so
ONE_BY_ONE, GROUP = 10, 100  # runs the feeder submits at a time
PAUSE_S = (1.0, 6.0)  # between two faults
WORK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("task-breakdown", {"title": "Move the shop", "max_steps": 3}),
    ("email-compose", {"purpose": "Thank the team for the launch.", "length": "short"}),
)


@dataclass
class Fault:
    """What was broken. `gone` are the workers whose runs must be taken back."""

    kind: str
    at: datetime
    gone: list[Any] = field(default_factory=list)
    back_at: datetime | None = None  # of the database
    recovery_s: float | None = None


class House:
    """The installation under test, and what can be done to it."""

    def __init__(
        self, url: str, var: str, cluster: Cluster | None, options: argparse.Namespace
    ) -> None:
        self.url = url
        self._cluster = cluster
        self.is_sqlite = url.startswith("sqlite")
        self.mark = f"crash-{os.getpid()}-{time.time_ns()}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        simulated = f"latency_ms={options.latency_ms},jitter_ms={options.latency_ms}"
        self.env = support.environment(
            url,
            var,
            HELIX_SIMULATED_PROVIDER=simulated,
            HELIX_CONCURRENCY=str(options.slots),
            HELIX_BENCH_MARK=self.mark,
        )
        self.workers: list[support.Process] = []
        self.logs: list[str] = []
        self.database = Database(url)
        self.engines = 1 if self.is_sqlite else 2  # in each worker

    def start(self, workers: int) -> None:
        self.workers = [support.worker(self.env) for _ in range(workers)]
        self.web = self._start_web()
        self.await_engines()
        self.await_web()

    def _start_web(self) -> support.Process:
        command = [sys.executable, "manage.py", "web", "--port", str(self.port)]
        return support.Process(command, self.env)

    def await_engines(self) -> None:
        """Wait until every worker has its engines at work again."""
        wanted = len(self.workers) * self.engines
        ledger.await_rows(
            self.database, lambda: len(self.live_engines()) >= wanted, within_s=PATIENCE_S
        )

    def await_web(self) -> float | None:
        return ledger.await_rows(self.database, self._web_answers, within_s=PATIENCE_S)

    def _web_answers(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def live_engines(self) -> dict[int, Any]:
        """Return the engines whose processes live: worker ids by process id."""
        ours = {each.pid for worker in self.workers for each in worker.family()}
        rows = self.database.rows("SELECT pid, id FROM engine_workers WHERE kind = 'worker'")
        return {pid: id_ for pid, id_ in rows if pid in ours}

    def processes(self) -> list[psutil.Process]:
        """Return every process that descends from one that we started, whoever its parent is."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if each.pid != os.getpid() and each.environ().get("HELIX_BENCH_MARK") == self.mark:
                    found.append(each)
        return [each for each in found if each.status() != psutil.STATUS_ZOMBIE]

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            raise RuntimeError("This database is not ours to break.")
        return self._cluster

    # --- faults -----------------------------------------------------------------------------------

    def faults(self) -> dict[str, Callable[[], Fault]]:
        kinds: dict[str, Callable[[], Fault]] = {
            "worker process killed": self.kill_engine,
            "whole worker killed": self.kill_worker,
            "web killed": self.kill_web,
            "worker process frozen for 25 s": self.freeze_engine,
        }
        if not self.is_sqlite:
            kinds["sentinel killed"] = self.kill_sentinel
        if self._cluster is not None:
            kinds["database killed and restarted"] = self.restart_database
            kinds["database away for 20 s"] = self.take_database_away
            kinds["database frozen for 20 s"] = self.freeze_database
        return kinds

    def kill_engine(self) -> Fault:
        pid, gone = random.choice(list(self.live_engines().items()))
        fault = Fault("worker process killed", _now(), [gone])
        os.kill(pid, signal.SIGKILL)
        return self._watch(fault)

    def kill_worker(self) -> Fault:
        return self._lose("whole worker killed", lambda worker: worker.family())

    def kill_sentinel(self) -> Fault:
        return self._lose("sentinel killed", lambda worker: worker.family()[0].children())

    def _lose(
        self, kind: str, victims: Callable[[support.Process], Sequence[psutil.Process]]
    ) -> Fault:
        """Kill some processes of a worker, which must end it as a whole, and start another."""
        worker = random.choice(self.workers)
        family = worker.family()
        pids = {each.pid for each in family}
        gone = [id_ for pid, id_ in self.live_engines().items() if pid in pids]
        fault = Fault(kind, _now(), gone)
        for each in victims(worker):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        worker.popen.wait(support.ENDS_WITHIN_S)
        _, left = psutil.wait_procs(family, timeout=5)
        if left:
            raise RuntimeError(f"{kind}: {left} outlived their worker")
        self._bury(worker)
        self.workers[self.workers.index(worker)] = support.worker(self.env)
        return self._watch(fault)

    def kill_web(self) -> Fault:
        fault = Fault("web killed", _now())
        self.web.popen.kill()
        self.web.popen.wait()
        self._bury(self.web)
        self.web = self._start_web()
        fault.recovery_s = self.await_web()
        return fault

    def freeze_engine(self) -> Fault:
        engines = self.live_engines()
        pid, gone = random.choice(list(engines.items()))
        is_alone = len(engines) == 1
        fault = Fault("worker process frozen for 25 s", _now(), [gone])
        frozen = psutil.Process(pid)
        frozen.suspend()
        waking = threading.Timer(FROZEN_S, frozen.resume)
        waking.start()
        if not is_alone:
            self._watch(fault)
        waking.join()
        if is_alone:  # nobody else could take its runs: it goes on by itself
            fault.gone = []
            fault.back_at = _now()
            self._watch(fault)
        return fault

    def restart_database(self) -> Fault:
        fault = Fault("database killed and restarted", _now())
        self.cluster.kill()
        self.cluster.start()
        return self._watch_return(fault)

    def take_database_away(self) -> Fault:
        fault = Fault("database away for 20 s", _now())
        self.cluster.stop()
        time.sleep(AWAY_S)
        self.cluster.start()
        return self._watch_return(fault)

    def freeze_database(self) -> Fault:
        fault = Fault("database frozen for 20 s", _now())
        frozen = self.cluster.freeze()
        time.sleep(AWAY_S)
        self.cluster.wake(frozen)
        return self._watch_return(fault)

    def _watch_return(self, fault: Fault) -> Fault:
        self.database.close()
        fault.back_at = _now()
        return self._watch(fault)

    def _watch(self, fault: Fault) -> Fault:
        since = fault.back_at or fault.at
        moment = since.isoformat() if not self.is_sqlite else f"{since:%Y-%m-%d %H:%M:%S.%f}"
        marks = ", ".join(["%s"] * len(fault.gone))

        def is_well() -> bool:
            if fault.gone and self.database.one(
                "SELECT count(*) FROM operation_runs WHERE status = 'running'"
                f" AND worker_id IN ({marks})",
                *fault.gone,
            ):
                return False
            return bool(
                self.database.one(
                    "SELECT EXISTS (SELECT 1 FROM run_attempts WHERE outcome = 'success'"
                    " AND started_at > %s)",
                    moment,
                )
            )

        if ledger.await_rows(self.database, is_well, within_s=PATIENCE_S) is not None:
            fault.recovery_s = (_now() - since).total_seconds()
        return fault

    def _bury(self, process: support.Process) -> None:
        self.logs.append(process.log)
        process.stop()

    # --- the end ----------------------------------------------------------------------------------

    def stop(self) -> tuple[int, int]:
        """Stop everything in order; return how many ended with an error, and the orphans."""
        everyone = [*self.workers, self.web]
        for process in everyone:
            process.popen.terminate()
        bad = 0
        for process in everyone:
            code = process.popen.wait(support.ENDS_WITHIN_S)
            # uvicorn, having stopped in order, ends by the signal that asked for it
            bad += code not in ((0, -signal.SIGTERM) if process is self.web else (0,))
            self._bury(process)
        self.workers = []
        time.sleep(0.5)
        left = self.processes()
        for each in left:
            print(f"Left over: {each.pid} {' '.join(each.cmdline())}", flush=True)
        return bad, len(left)

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        for process in self.workers:  # none after `stop`
            self.logs.append(process.log)
        for left in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        self.database.close()


class Feeder:
    """Keeps so many runs unfinished, and raises the budgets of the poor a little at a time.

    `accepted` are the runs that `submit` returned: those must not be lost.
    """

    def __init__(self, runs: int, owners: Sequence[Any]) -> None:
        self._runs = runs
        self._owners = owners
        self.accepted: list[UUID] = []
        self.outages = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        from django.db import InterfaceError, OperationalError, connection

        for turn in itertools.count():
            if self._stopping.wait(0.1):
                break
            try:
                self._fill()
                if turn % 200 == 0:
                    self._raise_budgets()
            except (OperationalError, InterfaceError):
                self.outages += 1
                connection.close()
        connection.close()

    def _fill(self) -> None:
        """Submit what lacks: some one by one, as people do, the rest in groups, as triggers do."""
        from operations import services
        from operations.models import Run

        unfinished = Run.objects.filter(status__in=["pending", "running"]).count()
        for _ in range(min(ONE_BY_ONE, self._runs - unfinished)):
            operation, parameters = random.choice(WORK)
            run = services.submit(
                owner=self._owner(),
                operation=operation,
                parameters=parameters,
                origin=Run.Origin.API,
            )
            self.accepted.append(run.pk)
            unfinished += 1
        while unfinished < self._runs and not self._stopping.is_set():
            drafts = [self._draft() for _ in range(min(GROUP, self._runs - unfinished))]
            services.submit_many(drafts, _now())
            self.accepted += [draft.id for draft in drafts]
            unfinished += len(drafts)

    def _owner(self) -> Any:
        """Choose one; seldom a poor one, whose runs wait for money and would soon be all."""
        is_poor = random.random() < SHARE_OF_THE_POOR
        return random.choice(self._owners[:POOR] if is_poor else self._owners[POOR:])

    def _draft(self) -> Any:
        from core.ids import uuid7
        from operations.models import Run
        from operations.services import RunDraft

        operation, parameters = random.choice(WORK)
        return RunDraft(
            id=uuid7(),
            owner_id=self._owner().pk,
            operation=operation,
            parameters=parameters,
            origin=Run.Origin.API,
        )

    def _raise_budgets(self) -> None:
        from operations import services

        for number, owner in enumerate(self._owners[:POOR]):
            operation = WORK[0][0] if number == 0 else ""  # the first is poor in one operation
            report = {row.scope: row for row in services.budgets_of(owner)}
            row = report.get(operation or "total")
            if row is not None and row.limit_usd is not None:
                limit = row.limit_usd + RAISE_USD
                services.set_budget(owner=owner, limit_usd=limit, operation=operation, by=None)


def people() -> list[Any]:
    """Make the owners, each with a schedule that fires every minute."""
    from accounts.models import User
    from operations import services
    from scheduling.services import create_schedule

    owners = []
    for number in range(OWNERS):
        owner = User.objects.create(username=f"owner-{number}", password="!")
        choice = {"model": SIMULATED, "fallbacks": []}
        services.save_preferences(owner=owner, changes={name: choice for name, _ in WORK}, by=owner)
        if number == 0:
            limit = FIRST_USD
            services.set_budget(owner=owner, limit_usd=limit, operation=WORK[0][0], by=owner)
        elif number < POOR:
            services.set_budget(owner=owner, limit_usd=FIRST_USD, by=owner)
        elif number % 2:
            services.set_budget(owner=owner, limit_usd=Decimal(1_000_000), by=owner)
        operation, parameters = WORK[number % len(WORK)]
        create_schedule(
            owner=owner,
            by=owner,
            operation=operation,
            type="cron",
            expression="* * * * *",
            parameters=parameters,
        )
        owners.append(owner)
    return owners


def pause_schedules() -> datetime:
    from scheduling.models import Schedule
    from scheduling.services import pause_schedule

    for schedule in Schedule.objects.all():
        pause_schedule(schedule, by=None, reason="The test ends.")
    return _now()


def unanswered_fires(first: datetime, until: datetime) -> tuple[int, int]:
    """Return how many expected minutes have no execution, and how many there were.

    Fires that came while no worker was there for over a minute are told by one execution for all of
    them; those are counted as answered only if its reason says how many.
    """
    from scheduling.models import Execution, Schedule

    lacking = expected = 0
    for schedule in Schedule.objects.all():
        rows = Execution.objects.filter(schedule=schedule).values_list("expected_at", "reason")
        answered = dict(rows)
        moment, told_until = first, first - timedelta(minutes=1)
        while moment <= until:
            expected += 1
            if "took up" in answered.get(moment, "") and " fires, from " in answered[moment]:
                later = [other for other in answered if other > moment]
                told_until = min(later, default=moment)
            if moment not in answered and moment >= told_until:
                lacking += 1
            moment += timedelta(minutes=1)
    return lacking, expected


def unexplained_repeats(database: Database, faults: Sequence[Fault]) -> int:
    """Count lost calls that were not in flight when a worker was killed or frozen."""
    rows = database.rows(
        "SELECT started_at, finished_at FROM run_attempts"
        " WHERE error_code = 'worker_lost' OR is_late"
    )
    kills = [fault.at for fault in faults if fault.gone]
    lost = [(_moment(started), _moment(finished)) for started, finished in rows]
    return sum(
        not any(started - timedelta(seconds=1) <= kill <= finished for kill in kills)
        for started, finished in lost
    )


def _moment(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def a_database(kind: str, var: str) -> Iterator[tuple[str, Cluster | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{var}/helix.sqlite3", None
        return
    programs = binaries()
    if programs is not None:
        with own_cluster(programs) as cluster:
            yield cluster.url, cluster
        return
    print("Left out: faults of the database; no PostgreSQL programs are installed to start our own")
    with support.own_database("helix_crash") as url:
        yield url, None


def plan(kinds: Sequence[str], rounds: int) -> list[str]:
    """Return the faults to make: each kind once in a random order, and again until it is enough."""
    order: list[str] = []
    while len(order) < rounds:
        order += random.sample(kinds, len(kinds))
    return order[:rounds]


QUICK = ("worker process killed", "database killed and restarted", "web killed")


def main(arguments: Sequence[str]) -> int:
    options = read(arguments)
    random.seed(options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="helix-crash-") as var,
        a_database(options.database, var) as (url, cluster),
    ):
        house = House(url, var, cluster, options)
        try:
            return test(house, options)
        finally:
            house.end()
            if options.log:
                options.log.write("\n".join(house.logs))


def read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill Helix's processes under load; check.")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--rounds", type=int, help="faults to make (10; 6 on SQLite)")
    parser.add_argument("--runs", type=int, help="unfinished at any time (1000; 200 on SQLite)")
    parser.add_argument("--workers", type=int, help="`manage.py worker` (2; 1 on SQLite)")
    parser.add_argument("--slots", type=int, default=100, help="calls at once in each process")
    parser.add_argument("--latency-ms", type=int, default=1000, help="of a call, up to twice that")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--only", action="append", help="a kind of fault, by its first words")
    parser.add_argument("--quick", action="store_true", help="three rounds, under 90 s")
    parser.add_argument("--log", type=argparse.FileType("w"), help="where the processes' logs go")
    options = parser.parse_args(arguments)
    is_sqlite = options.database == "sqlite"
    options.rounds = options.rounds or (3 if options.quick else 6 if is_sqlite else 10)
    options.runs = options.runs or (200 if options.quick or is_sqlite else 1000)
    options.workers = options.workers or (1 if is_sqlite else 2)
    return options


def test(house: House, options: argparse.Namespace) -> int:
    support.manage(house.env, "migrate", "--verbosity", "0")
    ledger.add_witness(house.database)
    os.environ.clear()
    os.environ |= house.env | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    import django
    from django.db import connections

    django.setup()
    kinds = house.faults()
    chosen = options.only or (QUICK if options.quick else [])
    names = [name for name in kinds if not chosen or any(map(name.startswith, chosen))]
    print(f"Seed {options.seed}; {options.rounds} of: {', '.join(names)}", flush=True)
    feeder = Feeder(options.runs, people())
    first_fire = _first_fire()
    connections.close_all()  # what follows breaks them
    faults: list[Fault] = []
    with Sampler(house.url) as sampler:
        house.start(options.workers)
        feeder.start()
        time.sleep(3)
        for number, kind in enumerate(plan(names, options.rounds), start=1):
            time.sleep(random.uniform(*PAUSE_S))
            fault = kinds[kind]()
            faults.append(fault)
            took = "not at all" if fault.recovery_s is None else f"{fault.recovery_s:.1f} s"
            print(f"{number}. {kind}: recovered in {took}", flush=True)
            house.await_engines()
        while _now() < first_fire + timedelta(seconds=MOST_RECOVERY_S + 2):
            time.sleep(0.5)  # a quick test, too, sees a fire
        feeder.stop()
        last_fire = pause_schedules() - timedelta(seconds=MOST_RECOVERY_S)
        drained_s = ledger.await_rows(
            house.database,
            lambda: not house.database.one(ledger.CHECKS["runs_not_final"]),
            within_s=DRAIN_S,
        )
    bad_exits, orphans = house.stop()
    outcome = Outcome(feeder, faults, sampler, drained_s, bad_exits, orphans, first_fire, last_fire)
    return report(house, outcome)


def _first_fire() -> datetime:
    """Return the first minute in which every schedule is expected to fire."""
    from django.db.models import Max

    from scheduling.models import Schedule

    found: datetime = Schedule.objects.aggregate(last=Max("next_execution_at"))["last"]
    return found


@dataclass
class Outcome:
    """What the test came to, besides what the database says."""

    feeder: Feeder
    faults: list[Fault]
    sampler: Sampler
    drained_s: float | None
    bad_exits: int
    orphans: int
    first_fire: datetime
    last_fire: datetime


def report(house: House, outcome: Outcome) -> int:
    """Print a line for each figure; return 1 when one that must be 0 is not."""
    database, samples = house.database, outcome.sampler.samples
    final = database.rows(f"SELECT id FROM operation_runs WHERE status IN {ledger.FINAL}")
    known = {UUID(str(row[0])) for row in final}
    lacking, expected = unanswered_fires(outcome.first_fire, outcome.last_fire)
    recoveries = [fault.recovery_s for fault in outcome.faults]
    slow = [each for each in recoveries if each is None or each > MOST_RECOVERY_S]
    must_be_zero = {
        "runs_lost": sum(each not in known for each in outcome.feeder.accepted),
        **ledger.check(database),
        "repeats_of_calls_not_in_flight": unexplained_repeats(database, outcome.faults),
        "fires_without_execution": lacking,
        "recoveries_over_20_s": len(slow),
        "samples_over_a_limit": samples.over_limit,
        "samples_held_apart_from_holds": samples.held_apart_from_holds,
        "audit_chains_broken": broken_chains(house),
        "processes_left_over": outcome.orphans,
        "exits_with_an_error": outcome.bad_exits,
        "not_drained": int(outcome.drained_s is None),
    }
    counts: dict[str, int] = dict(
        database.rows("SELECT status, count(*) FROM operation_runs GROUP BY status")
    )
    lost_calls = database.one(
        "SELECT count(*) FROM run_attempts WHERE error_code = 'worker_lost' OR is_late"
    )
    late = database.one("SELECT count(*) FROM run_attempts WHERE is_late")
    told = {
        "runs": (len(known), "runs"),
        **{f"runs_{status}": (count, "runs") for status, count in sorted(counts.items())},
        "runs_unfinished_p50": (median(samples.unfinished), "runs"),
        "calls_in_flight_p50": (median(samples.in_flight), "calls"),
        "calls_in_flight_at_most": (max(samples.in_flight, default=0), "calls"),
        "faults": (len(outcome.faults), "faults"),
        "recovery_max_s": (
            max((each for each in recoveries if each is not None), default=None),
            "s",
        ),
        "calls_cut_off_and_repeated": (lost_calls, "calls"),
        "late_answers_booked": (late, "calls"),
        "fires_expected": (expected, "fires"),
        "budget_samples": (samples.count, "samples"),
        "samples_without_a_database": (samples.failures, "samples"),
    }
    for name, (value, unit) in told.items():
        say(name, value, unit, database.vendor)
    for fault in outcome.faults:
        say("recovery_s", fault.recovery_s, "s", database.vendor, fault=fault.kind)
    for name, value in must_be_zero.items():
        say(name, value, "must be 0", database.vendor)
    wrong = {name: value for name, value in must_be_zero.items() if value}
    print(
        f"\n{len(outcome.faults)} faults, {len(known):,} runs, {lost_calls} calls cut off: "
        + (f"WRONG: {wrong}" if wrong else "nothing lost, doubled, held or overspent.")
    )
    for row in samples.worst[:5]:
        print(f"A sample that must not be: period, spent, held, limit, holds = {row}")
    return int(bool(wrong))


def median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0


def say(figure: str, value: Any, unit: str, database: str, **more: str) -> None:
    if isinstance(value, float):
        value = round(value, 2)
    print(
        json.dumps(
            {
                "figure": f"crash_{figure}",
                "value": value,
                "unit": unit,
                "database": database,
                **more,
            }
        )
    )


def broken_chains(house: House) -> int:
    try:
        support.manage(house.env, "audit", "verify")
    except RuntimeError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    support.leave_in_order()
    sys.exit(main(sys.argv[1:]))
