"""Live parts about runs, and the watcher that all parts about the ledger share."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit.models import AuditStream
from core import live, sql
from operations.models import Attempt, Run, Usage

NEWEST = 20  # runs of an owner; ids may be committed a little out of their order

_STATEMENT = """
WITH who(id, name) AS (VALUES {who}),
running AS (
    SELECT r.owner_id, count(*) AS rows, count(a.finished_at) AS ended,
        max(r.started_at) AS newest, sum(r.claims) AS claims
    FROM {runs} r LEFT JOIN {attempts} a ON a.run_id = r.id
    WHERE r.status = 'running' GROUP BY r.owner_id
)
SELECT who.name,
    (SELECT {join} FROM
        (SELECT id FROM {runs} WHERE owner_id = who.id ORDER BY id DESC LIMIT {newest}) n),
    running.rows, running.ended, running.newest, running.claims,
    (SELECT sum(runs) FROM {usage} WHERE owner_id = who.id AND hour >= {since}),
    (SELECT sum(cost_usd) FROM {usage} WHERE owner_id = who.id AND hour >= {since}),
    (SELECT seq FROM {streams} WHERE name = who.name)
FROM who LEFT JOIN running ON running.owner_id = who.id
"""


@live.watcher("ledger")
def watch_ledger(owner_ids: Collection[UUID]) -> Mapping[UUID, Hashable]:
    """Tell changes of runs, attempts, costs, and whatever people do that is recorded.

    A new run is among the newest; a claim and a further attempt show in what is running; every
    settlement is counted in its hour; the audit log has a number for the rest. Besides what is
    running it reads a few index entries an owner, however many runs there are.
    """
    is_postgresql = sql.is_postgresql()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    text = _STATEMENT.format(
        who=", ".join(["(%s::uuid, %s)" if is_postgresql else "(%s, %s)"] * len(owner_ids)),
        join="string_agg(n.id::text, '')" if is_postgresql else "group_concat(n.id, '')",
        runs=sql.table(Run),
        attempts=sql.table(Attempt),
        usage=sql.table(Usage),
        streams=sql.table(AuditStream),
        newest=NEWEST,
        since=sql.literal(hour - timedelta(hours=1)),
    )
    owner = Run._meta.get_field("owner")
    values = [value for each in owner_ids for value in (sql.bind(owner, each), str(each))]
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return {UUID(name): tuple(marks) for name, *marks in cursor.fetchall()}
