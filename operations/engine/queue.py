"""What may run next: by priority, then a fair share for each owner, then age."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from django.db import connection

from core import sql
from operations.models import Run

MOST_OWNERS = 64  # served in one claim; with more waiting, they take turns
REMEMBERED_OWNERS = 10_000
_turns = count(1)
_served: dict[Any, int] = {}  # when each owner was last served, by this process
CLAIMED = (
    "id",
    "owner_id",
    "operation",
    "parameters",
    "origin",
    "claims",
    "requested_model",
    "created_at",
)


class _Ready:
    """The condition under which a row may be claimed, as SQL."""

    def __init__(self, now: datetime, closed_lanes: Collection[str]) -> None:
        fields = Run._meta
        self.text = "status = 'pending' AND available_at <= %s"
        self.values: list[Any] = [sql.bind(fields.get_field("available_at"), now)]
        if closed_lanes:
            self.text += f" AND lane NOT IN ({sql.placeholders(len(closed_lanes))})"
            self.values += sorted(closed_lanes)


def has_ready(now: datetime, only: UUID | None = None) -> bool:
    """Say whether any run (or just `only`) may be claimed, or could but for its provider."""
    one = f" AND id = '{only if sql.is_postgresql() else only.hex}'" if only else ""
    return sql.has_row(
        f"SELECT 1 FROM {sql.table(Run)} WHERE status = 'pending'"
        f" AND available_at <= {sql.literal(now)}{one} LIMIT 1"
    )


def waiting_owners(now: datetime, closed_lanes: Collection[str] = ()) -> tuple[int, list[Any]]:
    """Return the highest priority with work and some owners who have it; (0, []) when none.

    One look-up in the index of pending runs for each owner, however many runs they have waiting.
    """
    ready = _Ready(now, closed_lanes)
    runs = sql.table(Run)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE w(priority, owner_id) AS ("
            f"SELECT * FROM (SELECT priority, owner_id FROM {runs} WHERE {ready.text}"
            f" ORDER BY priority DESC, owner_id LIMIT 1) s UNION ALL "
            f"SELECT w.priority, (SELECT owner_id FROM {runs} r WHERE {ready.text}"
            f" AND r.priority = w.priority AND r.owner_id > w.owner_id"
            f" ORDER BY r.owner_id LIMIT 1) FROM w WHERE w.owner_id IS NOT NULL) "
            f"SELECT priority, owner_id FROM w WHERE owner_id IS NOT NULL LIMIT {MOST_OWNERS * 4}",
            [*ready.values, *ready.values],
        )
        rows = cursor.fetchall()
    if not rows:
        return 0, []
    return rows[0][0], [owner for _, owner in rows]


def claim(
    worker_id: UUID, slots: int, now: datetime, closed_lanes: Collection[str] = ()
) -> list[Sequence[Any]]:
    """Take up to `slots` pending runs for `worker_id` and return their `CLAIMED` columns.

    Fewer may come back while more are waiting: those of lower priority, or of owners who have not
    had their share yet. Ask again.
    """
    priority, owners = waiting_owners(now, closed_lanes)
    if not owners:
        return []
    owners = _next_in_turn(owners, min(slots, MOST_OWNERS))
    chosen, values = _chosen(owners, slots, priority, _Ready(now, closed_lanes))
    # An array, so that the rows are found by their key however wrong the statistics are: joined,
    # PostgreSQL reads all that is pending. They are locked and still pending by then.
    is_chosen = "= ANY(ARRAY(SELECT id FROM c))" if sql.is_postgresql() else "IN (SELECT id FROM c)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH c AS MATERIALIZED ({chosen} LIMIT {slots})"
            f" UPDATE {sql.table(Run)} AS t SET status = 'running', worker_id = %s,"
            f" claims = t.claims + 1, started_at = COALESCE(t.started_at, %s), lane = ''"
            f" WHERE t.id {is_chosen} RETURNING {', '.join(CLAIMED)}",
            [
                *values,
                sql.bind(Run._meta.get_field("worker_id"), worker_id),
                sql.bind(Run._meta.get_field("started_at"), now),
            ],
        )
        return sql.read_rows(Run, CLAIMED, cursor.fetchall())


def _next_in_turn(owners: list[Any], most: int) -> list[Any]:
    """Return up to `most` owners, those first who were served longest ago by this process."""
    chosen = sorted(owners, key=lambda owner: _served.get(owner, 0))[:most]
    if len(_served) > REMEMBERED_OWNERS:
        _served.clear()
    _served.update((owner, next(_turns)) for owner in chosen)
    return chosen


def _chosen(
    owners: Sequence[Any], slots: int, priority: int, ready: _Ready
) -> tuple[str, list[Any]]:
    """Return a SELECT of each owner's oldest runs that are ready, with its parameters."""
    one = (
        f"SELECT id FROM {sql.table(Run)} WHERE {ready.text} AND priority = %s AND owner_id = {{}}"
        f" ORDER BY id LIMIT {-(-slots // len(owners))}{sql.for_update(skip_locked=True)}"
    )
    if sql.is_postgresql():  # planned once, not once an owner, which takes as long as the claim
        text = (
            "SELECT s.id FROM unnest(%s::uuid[]) AS o(owner_id)"
            f" CROSS JOIN LATERAL ({one.format('o.owner_id')}) s"
        )
        return text, [f"{{{','.join(map(str, owners))}}}", *ready.values, priority]
    texts = [f"SELECT id FROM ({one.format('%s')}) s"] * len(owners)
    values = [value for owner in owners for value in (*ready.values, priority, owner)]
    return " UNION ALL ".join(texts), values


def claim_one(worker_id: UUID, run_id: UUID, now: datetime) -> list[Sequence[Any]]:
    """Take the pending run `run_id`, or nothing when another worker was first."""
    ready = Run.objects.pending().filter(pk=run_id, available_at__lte=now)
    run = ready.select_for_update(skip_locked=True).first()
    if run is None:
        return []
    run.status = Run.Status.RUNNING
    run.worker_id = worker_id
    run.claims += 1
    run.started_at = run.started_at or now
    run.lane = ""
    run.save(update_fields=["status", "worker_id", "claims", "started_at", "lane"])
    return [tuple(getattr(run, name) for name in CLAIMED)]
