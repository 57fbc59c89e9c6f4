"""What must be true of the ledger, as plain SQL, and a sampler that looks while it is being made.

The same text runs on PostgreSQL and SQLite. Amounts are nano-dollars, as the tables hold them.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg

Rows = list[tuple[Any, ...]]
EVERY_S = 0.1
FINAL = "('success', 'failed', 'skipped', 'cancelled')"

# A row for each time that a run becomes final, and for each change of a final run's end.
_WITNESS = {
    "postgresql": (
        "CREATE TABLE bench_endings (run_id uuid)",
        "CREATE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO bench_endings VALUES (NEW.id); RETURN NEW; END $$",
        "CREATE TRIGGER bench_note AFTER UPDATE ON operation_runs FOR EACH ROW WHEN ("
        f" (OLD.status NOT IN {FINAL} AND NEW.status IN {FINAL}) OR (OLD.status IN {FINAL}"
        " AND (NEW.status, NEW.result::text, NEW.claims) IS DISTINCT FROM"
        " (OLD.status, OLD.result::text, OLD.claims))) EXECUTE FUNCTION bench_note()",
    ),
    "sqlite": (
        "CREATE TABLE bench_endings (run_id text)",
        "CREATE TRIGGER bench_note AFTER UPDATE ON operation_runs WHEN"
        f" (OLD.status NOT IN {FINAL} AND NEW.status IN {FINAL}) OR (OLD.status IN {FINAL}"
        " AND (NEW.status IS NOT OLD.status OR NEW.result IS NOT OLD.result"
        " OR NEW.claims IS NOT OLD.claims))"
        " BEGIN INSERT INTO bench_endings VALUES (NEW.id); END",
    ),
}

_TOTALS = (
    "operation, provider, model, origin, {runs}, {succeeded}, {failed}, {skipped}, {unknown},"
    " {cost}, {input}, {cached}, {output}"
)
_FROM_RUNS = _TOTALS.format(
    runs="count(*)",
    succeeded="count(*) FILTER (WHERE status = 'success')",
    failed="count(*) FILTER (WHERE status = 'failed')",
    skipped="count(*) FILTER (WHERE status = 'skipped')",
    unknown="count(*) FILTER (WHERE cost_usd IS NULL)",
    cost="coalesce(sum(cost_usd), 0)",
    input="coalesce(sum(input_tokens), 0)",
    cached="coalesce(sum(cached_tokens), 0)",
    output="coalesce(sum(output_tokens), 0)",
)
_FROM_USAGE = _TOTALS.format(
    runs="sum(runs)",
    succeeded="sum(succeeded)",
    failed="sum(failed)",
    skipped="sum(skipped)",
    unknown="sum(unknown_cost)",
    cost="sum(cost_usd)",
    input="sum(input_tokens)",
    cached="sum(cached_tokens)",
    output="sum(output_tokens)",
)
_BY = "GROUP BY owner_id, operation, provider, model, origin"
_RUN_TOTALS = f"SELECT owner_id, {_FROM_RUNS} FROM operation_runs WHERE status IN {FINAL} {_BY}"
_USAGE_TOTALS = f"SELECT owner_id, {_FROM_USAGE} FROM operation_execution_analytics {_BY}"

# Each counts rows that must not exist once everything has ended.
CHECKS = {
    "runs_not_final": f"SELECT count(*) FROM operation_runs WHERE status NOT IN {FINAL}",
    "runs_not_settled_once": (
        "SELECT count(*) FROM operation_runs r WHERE (SELECT count(*) FROM bench_endings e"
        f" WHERE e.run_id = r.id) <> (CASE WHEN r.status IN {FINAL} THEN 1 ELSE 0 END)"
    ),
    "successes_without_result": (
        "SELECT count(*) FROM operation_runs WHERE (status = 'success') <> (result IS NOT NULL)"
    ),
    "successes_without_their_answer": (  # answers that came late were refused
        "SELECT count(*) FROM operation_runs r WHERE (SELECT count(*) FROM run_attempts a"
        " WHERE a.run_id = r.id AND a.outcome = 'success' AND NOT a.is_late)"
        " <> (CASE WHEN r.status = 'success' THEN 1 ELSE 0 END)"
    ),
    "attempts_misnumbered": (
        "SELECT count(*) FROM (SELECT run_id FROM run_attempts GROUP BY run_id"
        " HAVING count(DISTINCT number) <> count(*) OR max(number) <> count(*)"
        " OR min(number) <> 1) x"
    ),
    "calls_left_open": "SELECT count(*) FROM run_attempts WHERE outcome = 'calling'",
    "repeats_unexplained": (
        "SELECT count(*) FROM run_attempts a JOIN run_attempts later"
        " ON later.run_id = a.run_id AND later.number = a.number + 1"
        " WHERE NOT (a.error_code IN ('worker_lost', 'not_sent') AND a.outcome IN"
        " ('unknown', 'failed') OR a.is_late)"
    ),
    "lost_calls_not_booked": (
        "SELECT count(*) FROM run_attempts WHERE outcome = 'unknown' AND booked_usd <> ceiling_usd"
    ),
    "answers_not_booked": (
        "SELECT count(*) FROM run_attempts WHERE outcome = 'success'"
        " AND (cost_usd IS NULL OR booked_usd <> cost_usd OR cost_usd > ceiling_usd)"
    ),
    "runs_with_wrong_cost": (  # unknown while a part of it is; else the sum of its attempts
        "SELECT count(*) FROM (SELECT r.id, r.cost_usd AS told, CASE WHEN count(a.id) ="
        " count(a.cost_usd) THEN coalesce(sum(a.cost_usd), 0) END AS summed FROM operation_runs r"
        f" LEFT JOIN run_attempts a ON a.run_id = r.id WHERE r.status IN {FINAL} GROUP BY r.id)"
        " x WHERE NOT (told = summed OR (told IS NULL AND summed IS NULL))"
    ),
    "holds_left": "SELECT count(*) FROM budget_holds",
    "budgets_with_held_money": "SELECT count(*) FROM budget_periods WHERE held_usd <> 0",
    "budgets_inexact": (
        "SELECT count(*) FROM (SELECT b.id, (SELECT coalesce(sum(p.spent_usd), 0) FROM"
        " budget_periods p WHERE p.budget_id = b.id) AS spent, (SELECT coalesce(sum(a.booked_usd),"
        " 0) FROM run_attempts a JOIN operation_runs r ON r.id = a.run_id WHERE r.owner_id ="
        " b.owner_id AND b.operation IN ('', r.operation)) AS booked FROM budgets b) x"
        " WHERE spent <> booked"
    ),
    "rollups_inexact": (
        f"SELECT count(*) FROM (SELECT * FROM ({_RUN_TOTALS}) a EXCEPT SELECT * FROM"
        f" ({_USAGE_TOTALS}) b) x"
    ),
    "rollups_of_nothing": (
        f"SELECT count(*) FROM (SELECT * FROM ({_USAGE_TOTALS}) a EXCEPT SELECT * FROM"
        f" ({_RUN_TOTALS}) b) x"
    ),
    "cron_runs_without_their_fire": (
        "SELECT count(*) FROM operation_runs r WHERE origin = 'cron' AND (SELECT count(*) FROM"
        " schedule_executions e WHERE e.run_id = r.id) <> 1"
    ),
    "schedules_held_up": (
        "SELECT count(*) FROM operation_schedules WHERE running_execution_id IS NOT NULL"
    ),
}


_UNFINISHED = (
    "SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running')"
    " FROM operation_runs WHERE status = 'pending' OR status = 'running'"
)


class Database:
    """A plain connection beside Helix, made anew when it breaks."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.vendor = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._connection: Any = None

    def rows(self, statement: str, *values: Any) -> Rows:
        try:
            if self._connection is None:
                self._connection = self._connect()
            if self.vendor == "sqlite":
                statement = statement.replace("%s", "?")
            found = self._connection.execute(statement, values)
            return list(found.fetchall()) if found.description else []
        except (psycopg.Error, sqlite3.OperationalError):
            self.close()
            raise

    def one(self, statement: str, *values: Any) -> Any:
        return self.rows(statement, *values)[0][0]

    def _connect(self) -> Any:
        if self.vendor == "sqlite":
            path = urlsplit(self.url).path
            return sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        return psycopg.connect(self.url, autocommit=True, connect_timeout=5)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


AWAY = (psycopg.Error, sqlite3.OperationalError)


def add_witness(database: Database) -> None:
    """Have the database itself write down each time that a run ends, or a final run changes."""
    for statement in _WITNESS[database.vendor]:
        database.rows(statement)


def check(database: Database) -> dict[str, int]:
    """Return each check with the number of rows that break it."""
    return {name: int(database.one(statement)) for name, statement in CHECKS.items()}


@dataclass
class Samples:
    """What the sampler saw; `failures` are looks that found no database."""

    count: int = 0
    over_limit: int = 0
    held_apart_from_holds: int = 0
    most_held: int = 0
    failures: int = 0
    in_flight: list[int] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)
    worst: list[tuple[Any, ...]] = field(default_factory=list)


class Sampler:
    """Reads all budgets in one statement, so in one snapshot, ten times a second.

    In every snapshot spent + held must be within the limit, and what a budget holds must be the sum
    of the holds that name it.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        amounts = {
            "postgresql": "SELECT p.id::bigint AS id, sum(h.amount_usd) AS amount"
            " FROM budget_holds h, jsonb_array_elements_text(h.period_ids) AS p(id) GROUP BY 1",
            "sqlite": "SELECT p.value AS id, sum(h.amount_usd) AS amount"
            " FROM budget_holds h, json_each(h.period_ids) AS p GROUP BY 1",
        }
        self._statement = (
            f"WITH held AS ({amounts[self._database.vendor]})"
            " SELECT p.id, p.spent_usd, p.held_usd, COALESCE(b.limit_usd, o.monthly_budget_usd),"
            " COALESCE(h.amount, 0) FROM budget_periods p JOIN budgets b ON b.id = p.budget_id"
            " LEFT JOIN user_operation_preferences o ON o.owner_id = b.owner_id"
            " AND o.operation = b.operation LEFT JOIN held h ON h.id = p.id"
        )
        self.samples = Samples()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                rows = self._database.rows(self._statement)
                ((waiting, running),) = self._database.rows(_UNFINISHED)
            except AWAY:  # the database is meant to be away at times; the gap is counted
                self.samples.failures += 1
                continue
            self._take(rows)
            self.samples.in_flight.append(running)
            self.samples.unfinished.append(waiting + running)

    def _take(self, rows: Rows) -> None:
        seen = self.samples
        seen.count += 1
        for row in rows:
            _, spent, held, limit, holds = row
            seen.most_held = max(seen.most_held, held)
            if limit is not None and spent + held > limit:
                seen.over_limit += 1
                seen.worst.append(row)
            if held != holds:
                seen.held_apart_from_holds += 1
                seen.worst.append(row)


def await_rows(
    database: Database, look: Callable[[], bool], *, within_s: float, every_s: float = 0.1
) -> float | None:
    """Return after how many seconds `look` was true, or None; a database that is away is not."""
    begun = time.monotonic()
    while time.monotonic() - begun < within_s:
        try:
            if look():
                return time.monotonic() - begun
        except AWAY:
            database.close()
        time.sleep(every_s)
    return None
