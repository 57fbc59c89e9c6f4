"""The installation that figures are measured on: people, budgets, prices, schedules, runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench import support

OWNERS = 20
LIMIT_USD = 1_000_000  # never reached: the gate is measured, not its refusals
SIMULATED = "simulated:simulated-1"
OPERATIONS = ("email-classify", "task-breakdown", "task-prioritize")
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")


class House:
    """A migrated database, renewed before each measurement, and the environment to work on it."""

    def __init__(self, url: str, template: str, var: str) -> None:
        self.url = url
        self._template = template
        self.var = var

    @property
    def database(self) -> str:
        return urlsplit(self.url).path.lstrip("/")

    def environment(self, **more: str) -> dict[str, str]:
        settings = {"HELIX_SIMULATED_PROVIDER": "1", "HELIX_CONCURRENCY": "100"}
        return support.environment(self.url, self.var, **(settings | more))

    def renew(self) -> psycopg.Connection[Any]:
        """Start over with people and no work; return a connection that watches."""
        from django.db import connections

        connections.close_all()
        support.copy_database(self._template, self.database)
        return psycopg.connect(self.url, autocommit=True)


@contextmanager
def open_house() -> Iterator[House]:
    """Make the template database with its people, and set Django up on a copy of it."""
    with (
        tempfile.TemporaryDirectory(prefix="helix-bench-") as var,
        support.own_database("helix_bench_template") as template,
        support.own_database("helix_bench") as url,
    ):
        env = support.environment(template, var, HELIX_SIMULATED_PROVIDER="1")
        support.manage(env, "migrate", "--verbosity", "0")
        support.drop_database(urlsplit(url).path.lstrip("/"))
        house = House(url, urlsplit(template).path.lstrip("/"), var)
        os.environ.clear()
        os.environ |= env | {"DJANGO_SETTINGS_MODULE": "config.settings"}

        import django
        from django.db import connections

        django.setup()
        _people()
        connections.close_all()
        connections["default"].settings_dict["NAME"] = house.database
        yield house
        connections.close_all()


def _people() -> None:
    """Make the owners: each with a limit in total and for each operation, on simulated answers."""
    from decimal import Decimal

    from accounts.models import User
    from operations import services

    for number in range(OWNERS):
        owner = User.objects.create(
            username=f"owner-{number}", zone=ZONES[number % len(ZONES)], password="!"
        )
        services.set_budget(owner=owner, limit_usd=Decimal(LIMIT_USD), by=owner)
        choice = {"model": SIMULATED, "monthly_budget_usd": str(LIMIT_USD)}
        services.save_preferences(owner=owner, changes=dict.fromkeys(OPERATIONS, choice), by=owner)


def work(number: int) -> tuple[str, dict[str, Any]]:
    """Return an operation with parameters: small, as most recurring work is, and no two alike."""
    slug = OPERATIONS[number % len(OPERATIONS)]
    match slug:
        case "email-classify":
            return slug, {
                "emails": [
                    {
                        "id": str(number),
                        "from": f"ops-{number}@example.com",
                        "subject": f"Backup {number} failed",
                        "body": f"Disk full on db-{number}. Please look at it before noon.",
                    },
                    {
                        "id": f"{number}-b",
                        "from": "news@example.org",
                        "subject": f"This week in gardening, no. {number}",
                        "body": "Ten plants for the shade. Unsubscribe at any time.",
                    },
                ]
            }
        case "task-breakdown":
            return slug, {"title": f"Move shop {number} to a new payment provider", "max_steps": 6}
    titles = (f"Pay the rent of flat {number}", "Call the bank")
    return slug, {"tasks": [{"id": str(n), "title": title} for n, title in enumerate(titles)]}


def owner_ids() -> list[Any]:
    from accounts.models import User

    return list(User.objects.order_by("username").values_list("pk", flat=True))


def submit(count: int, *, model: str = "") -> None:
    """Write `count` pending runs, as many for each owner, in one transaction."""
    from django.db import transaction

    from core.ids import uuid7
    from operations import services
    from operations.engine.lease import database_now
    from operations.models import Run

    owners = owner_ids()
    drafts = []
    for number in range(count):
        # A model that is asked for by name is the slow vendor: it knows one answer.
        operation, parameters = work(number if not model else 1)
        drafts.append(
            services.RunDraft(
                id=uuid7(),
                owner_id=owners[number % len(owners)],
                operation=operation,
                parameters=parameters,
                origin=Run.Origin.COMMAND,
                requested_model=model,
            )
        )
    with transaction.atomic():
        services.submit_many(drafts, database_now())


def settled(watch: psycopg.Connection[Any]) -> int:
    """Return how many runs have ended, by the rollups: cheaper to watch than the ledger."""
    row = watch.execute("SELECT coalesce(sum(runs), 0) FROM operation_execution_analytics")
    return int((row.fetchone() or (0,))[0])


def await_settled(watch: psycopg.Connection[Any], count: int, process: support.Process) -> None:
    support.await_truth(
        lambda: settled(watch) >= count,
        f"{count} settled runs",
        within_s=180,
        every_s=0.02,
        process=process,
    )


def warm_up(watch: psycopg.Connection[Any], process: support.Process, *, model: str = "") -> None:
    """Have a few runs of each owner done, as workers have that did not start this minute."""
    before = settled(watch)
    count = OWNERS * len(OPERATIONS) * 2
    submit(count, model=model)
    await_settled(watch, before + count, process)


def check(watch: psycopg.Connection[Any]) -> None:
    """Refuse a measurement whose runs did not all succeed on the full path, or left a hold."""
    bad = watch.execute(
        "SELECT (SELECT count(*) FROM operation_runs WHERE status <> 'success'),"
        " (SELECT count(*) FROM operation_runs r WHERE NOT EXISTS"
        "   (SELECT 1 FROM run_attempts a WHERE a.run_id = r.id AND a.cost_usd > 0)),"
        " (SELECT count(*) FROM budget_holds),"
        " (SELECT coalesce(sum(held_usd), 0) FROM budget_periods),"
        " (SELECT coalesce(sum(p.spent_usd), 0) FROM budget_periods p JOIN budgets b"
        "   ON b.id = p.budget_id WHERE b.scope = 'total')"
        " - (SELECT coalesce(sum(cost_usd), 0) FROM operation_runs)"
    ).fetchone()
    if bad is None or any(bad):
        raise RuntimeError(f"Not succeeded, not paid, holds, held, off the books: {bad}")


def schedule(watch: psycopg.Connection[Any], count: int, *, due_in_s: float) -> datetime:
    """Register `count` schedules that are due at one instant, and return it.

    Later each fires daily at a time of its own. On a machine so busy that the instant would pass
    before they are all there, it is put off.
    """
    from django.db import transaction

    from scheduling.models import Schedule

    owners = owner_ids()
    for _ in range(4):
        due = database_now(watch) + timedelta(seconds=due_in_s)
        rows = [_schedule(number, owners[number % len(owners)], due) for number in range(count)]
        with transaction.atomic():
            Schedule.objects.bulk_create(rows, batch_size=1_000)
            if database_now(watch) + timedelta(seconds=1) < due:
                return due
            transaction.set_rollback(True)
        due_in_s *= 2
    raise RuntimeError(f"{count} schedules cannot be registered within {due_in_s / 2:g} s.")


def _schedule(number: int, owner_id: Any, due: datetime) -> Any:
    from scheduling.models import Schedule
    from scheduling.zones import tz_version

    operation, parameters = work(number)
    return Schedule(
        owner_id=owner_id,
        name=f"Schedule {number}",
        operation=operation,
        parameters=parameters,
        type=Schedule.Type.CRON,
        expression=f"{number % 60} {number // 60 % 24} * * *",
        zone=ZONES[number % len(ZONES)],
        next_execution_at=due,
        counted_from=due - timedelta(days=1),
        tz_version=tz_version(),
    )


def database_now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM has one row
    moment: datetime = row[0]
    return moment.astimezone(UTC)
