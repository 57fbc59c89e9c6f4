"""The checks of no feature: database, migrations, clock, cache, secrets, static files."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.core.checks import ERROR
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from core import assets, private, staticfiles
from core.checks import check_stored_secrets
from core.health import Finding, check, ok, red, warning
from core.secrets import store
from core.sql import is_postgresql

DRIFT_NOTED_S = 2.0
DRIFT_RED_S = 60.0  # schedules follow the database's clock, passwords and sessions the process's

_is_migrated = False


@check("database", is_for_readiness=True)
def check_database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return red(
            "The database does not answer.",
            mend="Start it, or correct DATABASE_URL.",
            detail=str(error).strip(),
        )
    return ok(f"{connection.display_name} answers.")


@check("migrations", is_for_readiness=True)
def check_migrations() -> Finding:
    global _is_migrated  # noqa: PLW0603 - the code of a process does not change, so ask until yes
    if not _is_migrated and not _has_all_by_name():
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return red(f"{len(missing)} migrations are not applied.", mend="`manage.py migrate`")
    _is_migrated = True
    return ok("All migrations are applied.")


def _has_all_by_name() -> bool:
    """Say whether every migration is recorded; if not, it may still be, as one of a squashed one.

    One statement: the first page of each process pays for it. The executor takes two.
    """
    try:
        applied = set(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    except DatabaseError:  # not even the table is there
        return False
    return set(MigrationLoader(None).graph.nodes) <= applied


@check("clock")
def check_clock() -> Finding:
    if not is_postgresql():
        return ok("The database is a file on this machine: there is one clock.")
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    after = timezone.now()
    drift_s = max((theirs - after).total_seconds(), (before - theirs).total_seconds(), 0.0)
    says = f"The database's clock and this machine's differ by {drift_s:.1f} s."
    mend = "Synchronise both machines' clocks (NTP)."
    if drift_s > DRIFT_RED_S:
        return red(says, mend=mend)
    return warning(says, mend=mend) if drift_s > DRIFT_NOTED_S else ok(says)


@check("cache")
def check_cache() -> Finding:
    key, value = f"doctor:{uuid4()}", uuid4().hex
    cache.set(key, value, 10)
    if cache.get(key) != value:
        return red("The cache forgets what it is told.", mend="See REDIS_URL.")
    cache.delete(key)
    if not settings.REDIS_URL:
        return ok("In memory, per process (no REDIS_URL).")
    return ok("Redis answers.")


@check("secrets")
def check_secrets() -> Finding:
    errors = [found for found in check_stored_secrets(None) if found.level >= ERROR]
    if errors:
        return red(errors[0].msg, mend=errors[0].hint or "Correct SECRET_STORE_KEYS.")
    return ok("Every stored secret can be opened.")


@check("private files")
def check_private_files() -> Finding:
    names = ["secret_key", "audit_key", store.KEY_FILE]
    places = [settings.VAR_DIR, *(settings.VAR_DIR / name for name in names)]
    if settings.IS_SQLITE:
        places.append(Path(str(settings.DATABASES["default"]["NAME"])))
    found = [str(place) for place in places if private.is_open_to_others(place)]
    if not found:
        return ok("Keys and database are for this user alone.")
    return warning(
        "Other users of this machine may read what is ours.",
        mend=f"`chmod go= {' '.join(found)}`",
    )


@check("static files")
def check_static_files() -> Finding:
    mend = "`manage.py setup`"
    if not assets.is_current():
        return warning("The font of the pages is not made; the system's stands in.", mend=mend)
    if not staticfiles.is_needed():
        return ok("Served from their source (DEBUG).")
    if not staticfiles.is_collected():
        return red("Static files are not collected; pages will fail.", mend=mend)
    if not staticfiles.is_current():
        return warning("Static files changed since they were collected.", mend=mend)
    return ok("Collected and current.")
