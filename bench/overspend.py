"""Spend nearly empty budgets from 64 sides at once; then count what got through.

    make overspend                                  PostgreSQL and SQLite, both ways in
    python -m bench.overspend --database sqlite

64 submitters (16 processes of 4 threads, each with its own connection) ask for many times what the
budgets can pay, in two ways: **queued**, `services.submit` while two `manage.py worker` settle; and
**direct**, as `run_operation` does: each submits a run and settles it itself, one after the other.
Budgets are of both kinds: in total, and of one operation. Ten times a second a sampler reads all of
them in one statement: spent + held must be within the limit in every sample.

Two simulated prices make the arithmetic exact. `a` is what a call really costs, `c` its ceiling:

    exact     a = c (no price for input; the answer is as long as allowed). A budget of L accepts
              floor(L / c) runs, no more and no fewer.
    cheaper   a < c. A run may start while spent + held + c ≤ L. In any order, with any number at
              once, floor((L - c) / a) + 1 runs are accepted: fewer means that someone was refused
              while there was room.

A **false refusal** is a run that was refused although L - spent - (what the running calls really
cost) left room for its ceiling, by the figures that the gate saw under its lock, which the reason
of the refusal tells. Their share is of all refused runs, and must stay under 1 %.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bench import ledger, support
from bench.cluster import binaries, own_cluster
from bench.ledger import Database, Sampler

SIMULATED = "simulated:simulated-1"
PROCESSES, THREADS = 16, 4
OPERATION = "task-breakdown"
PARAMETERS = {"title": "Move the shop", "max_steps": 5}
LATENCY_MS = 100
MOST_FALSE = 0.01
DRAIN_S = 300.0

# Output tokens cost USD 1 a million and input nothing, so a ceiling is max_tokens millionths.
PRICES = {"exact": "output_tokens=1000000", "cheaper": "output_tokens=150"}
SETTINGS = f"latency_ms={LATENCY_MS},jitter_ms={LATENCY_MS},input_usd_per_mtok=0"
SETTINGS += ",output_usd_per_mtok=1"

# What each owner's budget has room for, in ceilings, and whether it is of one operation only. All
# are whole millionths of a USD, as far as the reason of a refusal tells them.
ROOM: tuple[tuple[str, bool], ...] = (
    ("0", False),
    ("0.9975", False),
    ("1", True),
    ("7.5", False),
    ("20", True),
    ("40.25", False),
    ("64", True),
    ("80.9975", False),
)


@dataclass(frozen=True)
class Case:
    database: str
    way: str  # queued, direct
    price: str  # exact, cheaper


@dataclass(frozen=True)
class Account:
    """An owner with a nearly empty budget, and how many runs it can pay for."""

    owner_id: Any
    limit_usd: Decimal
    accepts: int


def ceiling_usd() -> Decimal:
    """Return what a call of ours reserves at most."""
    from operations import registry, validation

    operation = registry.get(OPERATION)
    parsed = validation.parse(operation, PARAMETERS)
    return Decimal(operation.output_tokens(parsed)).scaleb(-6)


def accepted_by(limit: Decimal, ceiling: Decimal, cost: Decimal) -> int:
    """Return how many runs of `cost` a budget accepts that reserve `ceiling` each."""
    return 0 if limit < ceiling else int((limit - ceiling) // cost) + 1


def open_accounts(cost: Decimal) -> list[Account]:
    from accounts.models import User
    from operations import services

    accounts = []
    ceiling = ceiling_usd()
    for number, (room, is_of_operation) in enumerate(ROOM):
        owner = User.objects.create(username=f"owner-{number}", password="!")
        choice = {"model": SIMULATED, "fallbacks": []}
        services.save_preferences(owner=owner, changes={OPERATION: choice}, by=owner)
        limit = ceiling * Decimal(room)
        services.set_budget(
            owner=owner, limit_usd=limit, operation=OPERATION if is_of_operation else "", by=owner
        )
        if is_of_operation:  # and a wider one around it, which must not matter
            services.set_budget(owner=owner, limit_usd=limit * 2, by=owner)
        accounts.append(Account(owner.pk, limit, accepted_by(limit, ceiling, cost)))
    return accounts


def press(case: Case, accounts: Sequence[Account], runs: int) -> int:
    """Have all submitters ask for `runs` runs together; return how many they were granted."""
    from django.db import connections

    connections.close_all()  # each child makes its own
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(PROCESSES * THREADS)
    each = -(-runs // (PROCESSES * THREADS))
    submitted = context.Value("i", 0)
    children = [
        context.Process(
            target=_submitters, args=(case, accounts, each, gate, submitted), daemon=True
        )
        for _ in range(PROCESSES)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("A submitter failed; its message is above.")
    return int(submitted.value)


def _submitters(
    case: Case, accounts: Sequence[Account], each: int, gate: Any, submitted: Any
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            done = _submitter(case, accounts, each, gate)
        except BaseException as failure:
            failures.append(failure)
            raise
        with submitted.get_lock():
            submitted.value += done

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failures else 0)


def _submitter(case: Case, accounts: Sequence[Account], each: int, gate: Any) -> int:
    from django.db import connection

    from accounts.models import User
    from operations import services
    from operations.engine.loop import Engine
    from operations.models import Run

    owners = list(User.objects.filter(pk__in=[account.owner_id for account in accounts]))
    gate.wait()  # with 64 connections open
    for _ in range(each):
        run = services.submit(
            owner=random.choice(owners),
            operation=OPERATION,
            parameters=PARAMETERS,
            origin=Run.Origin.COMMAND,
        )
        if case.way == "direct":
            Engine(slots=1, kind="command").run_one(run.pk)
    connection.close()
    return each


_FIGURES = re.compile(r"\$([\d.,]+) of \$([\d.,]+) spent(?:, \$([\d.,]+) held by running calls)?;")


def false_refusals(ceiling: Decimal, cost: Decimal) -> tuple[int, int]:
    """Return how many runs were refused, and how many of them while there was room."""
    from operations.models import Run

    refused = wrongly = 0
    for reason in Run.objects.filter(status="skipped").values_list("reason", flat=True):
        refused += 1
        found = _FIGURES.search(reason)
        if found is None:
            raise RuntimeError(f"A refusal that is not of the gate, or tells no figures: {reason}")
        spent, limit, held = (Decimal(each.replace(",", "")) for each in found.groups("0"))
        running_usd = held / ceiling * cost
        wrongly += limit - spent - running_usd >= ceiling
    return refused, wrongly


def measure(case: Case, url: str, var: str, runs: int) -> list[str]:
    """Measure one case on an empty database; return what is wrong with it."""
    env = support.environment(url, var, HELIX_SIMULATED_PROVIDER=f"{SETTINGS},{PRICES[case.price]}")
    support.manage(env, "migrate", "--verbosity", "0")
    database = Database(url)
    ledger.add_witness(database)
    os.environ.clear()
    os.environ |= env | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    import django

    django.setup()
    ceiling = ceiling_usd()
    cost = ceiling if case.price == "exact" else Decimal(150).scaleb(-6)
    accounts = open_accounts(cost)
    with contextlib.ExitStack() as stack:
        sampler = stack.enter_context(Sampler(url))
        if case.way == "queued":
            for _ in range(1 if case.database == "sqlite" else 2):
                stack.enter_context(support.worker(env))
        begun = time.monotonic()
        submitted = press(case, accounts, runs if case.way == "queued" else runs // 2)
        drained = ledger.await_rows(
            database,
            lambda: not database.one(ledger.CHECKS["runs_not_final"]),
            within_s=DRAIN_S,
        )
        took = time.monotonic() - begun
    refused, wrongly = false_refusals(ceiling, cost)
    off = expected = accepted = 0
    for account in accounts:
        asked, got = database.rows(
            "SELECT count(*), count(*) FILTER (WHERE status = 'success') FROM operation_runs"
            " WHERE owner_id = %s",
            account.owner_id.hex if case.database == "sqlite" else account.owner_id,
        )[0]
        due = min(asked, account.accepts)
        expected, accepted, off = expected + due, accepted + got, off + (got != due)
        if got != due:
            print(f"  {account.limit_usd} USD pay for {due} runs, accepted {got}")
    samples = sampler.samples
    share = wrongly / refused if refused else 0.0
    say(case, "submitted", submitted, "runs", seconds=round(took, 1))
    say(case, "accepted", accepted, "runs", arithmetic=expected)
    say(case, "refused", refused, "runs")
    say(case, "false_refusals", round(100 * share, 3), "% of refusals", runs=wrongly)
    say(case, "budget_samples", samples.count, "samples", failed=samples.failures)
    say(case, "most_held", samples.most_held / 1e9, "USD")
    must_be_zero = {
        "samples_over_a_limit": samples.over_limit,
        "samples_held_apart_from_holds": samples.held_apart_from_holds,
        "budgets_off_the_arithmetic": off,
        "runs_lost": submitted - database.one("SELECT count(*) FROM operation_runs"),
        "not_drained": int(drained is None),
        **ledger.check(database),
    }
    database.close()
    for name, value in must_be_zero.items():
        say(case, name, value, "must be 0")
    wrong = [f"{name}: {value}" for name, value in must_be_zero.items() if value]
    if share >= MOST_FALSE:
        wrong.append(f"false refusals: {100 * share:.1f} %")
    return wrong


def say(case: Case, figure: str, value: Any, unit: str, **more: Any) -> None:
    line = {"figure": f"overspend_{figure}", "value": value, "unit": unit, **vars(case), **more}
    print(json.dumps(line), flush=True)


@contextlib.contextmanager
def a_database(kind: str, var: str) -> Iterator[str]:
    programs = binaries()
    if kind == "sqlite":
        yield f"sqlite:///{var}/helix.sqlite3"
    elif programs is not None:
        with own_cluster(programs) as cluster:
            yield cluster.url
    else:
        with support.own_database("helix_overspend") as url:
            yield url


def one_case(case: Case, runs: int) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="helix-overspend-") as var,
        a_database(case.database, var) as url,
    ):
        wrong = measure(case, url, var, runs)
    print(f"{case.database}, {case.way}, {case.price}: {'; '.join(wrong) or 'exact'}", flush=True)
    return int(bool(wrong))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Spend nearly empty budgets from 64 sides.")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append")
    parser.add_argument("--way", choices=("queued", "direct"), action="append")
    parser.add_argument("--price", choices=tuple(PRICES), action="append")
    parser.add_argument("--runs", type=int, default=2560, help="to submit; half as many directly")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random.seed(options.seed)
    cases = [
        Case(database, way, price)
        for database in options.database or ("postgresql", "sqlite")
        for way in options.way or ("queued", "direct")
        for price in options.price or tuple(PRICES)
    ]
    # Each in a process of its own: Django is set up once a process, for one database.
    context = multiprocessing.get_context("spawn")
    codes = []
    for case in cases:
        child = context.Process(target=_in_child, args=(case, options.runs))
        child.start()
        try:
            child.join()
        finally:
            child.terminate()  # nothing where it has ended; else it cleans up behind itself
            child.join()
        codes.append(child.exitcode)
    return int(any(codes))


def _in_child(case: Case, runs: int) -> None:
    support.leave_in_order()
    sys.exit(one_case(case, runs))


if __name__ == "__main__":
    support.leave_in_order()
    sys.exit(main(sys.argv[1:]))
