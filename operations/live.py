"""Live parts about runs, and the watcher that all parts about the ledger share."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone

from audit.models import AuditStream
from core import live, sql
from operations import outcomes
from operations.filters import RunFilter
from operations.models import Attempt, Run, Usage

if TYPE_CHECKING:
    from accounts.models import User

NEWEST = 20  # runs of an owner; ids may be committed a little out of their order

_STATEMENT = """
WITH who(id, name) AS (VALUES {who}),
running AS (
    SELECT r.owner_id, count(*) AS rows, count(a.id) AS called, count(a.finished_at) AS ended,
        max(r.started_at) AS newest, sum(r.claims) AS claims
    FROM {runs} r LEFT JOIN {attempts} a ON a.run_id = r.id
    WHERE r.status = 'running' GROUP BY r.owner_id
)
SELECT who.name,
    (SELECT {join} FROM
        (SELECT id FROM {runs} WHERE owner_id = who.id ORDER BY id DESC LIMIT {newest}) n),
    running.rows, running.called, running.ended, running.newest, running.claims,
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


@live.region("runs", watch="ledger")
def render_runs(user: User, query: QueryDict) -> str:
    found = RunFilter(query, Run.objects.visible_to(user))
    return render_to_string("operations/run_list.html#run-table", {"found": found})


@live.region("run-states", watch="ledger")
def render_run_states(user: User, query: QueryDict) -> str:
    found = RunFilter(query, Run.objects.visible_to(user))
    return render_to_string("operations/run_list.html#run-states", {"found": found})


@live.region("run", watch=("ledger", "minute"))  # why it waits may change without a row of it
def render_run(user: User, query: QueryDict) -> str:
    return render_to_string("operations/_outcome.html", outcomes.context_of(_run(user, query)))


@live.region("run-why", watch="ledger")
def render_run_why(user: User, query: QueryDict) -> str:
    return render_to_string("operations/_why.html", outcomes.context_of_why(_run(user, query)))


def _run(user: User, query: QueryDict) -> Run:
    try:
        pk = UUID(query.get("id", ""))
    except ValueError:
        raise Http404 from None
    return get_object_or_404(Run.objects.visible_to(user).select_related("owner"), pk=pk)
