"""Preferences: a look-up from memory, and the statements of one save."""

from __future__ import annotations

import time

from bench import house
from bench.figures import tell
from bench.house import House

LOOKUPS = 20_000
SAMPLES = 5


def measure(at: House) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from accounts.models import User
    from preferences import services

    at.renew().close()
    owner = User.objects.get(pk=house.owner_ids()[0])
    slug = house.work(0)[0]
    services.lookup(owner.pk, slug)
    lookups = []
    for _ in range(SAMPLES):
        begun = time.perf_counter()
        for _ in range(LOOKUPS):
            services.lookup(owner.pk, slug)
        lookups.append((time.perf_counter() - begun) * 1000 / LOOKUPS)
    tell("preference_lookup_ms", lookups, "ms", reach=1, note="from this process's memory")

    table = '"user_operation_preferences"'
    statements: list[float] = []
    all_told = []
    for count in (10, 1_000):
        changes = {f"operation-{number}": {"enabled": False} for number in range(count)}
        with CaptureQueriesContext(
            connection,
        ) as queries:
            services.save(owner=owner, changes=changes, by=owner, now=timezone.now())
        statements.append(sum(table in query["sql"] for query in queries))
        all_told.append(len(queries))
    tell(
        "preference_save_statements",
        statements,
        "statements",
        reach=3,
        note=f"for 10 and for 1,000 rows: {statements[0]:.0f} and {statements[1]:.0f}; with the"
        f" transaction and the audit entry {all_told[0]} and {all_told[1]}",
    )
