"""Server time and statements of every page, on a ledger of 100,000 runs and 1,000 schedules.

    python -m bench.pages                      every page, on PostgreSQL
    python -m bench.pages list_runs --requests 40   one page, quickly
    python -m bench.pages --sqlite             the same on a SQLite file
    python -m bench.pages --fresh              write the ledger anew (it is kept by name)

The pages are those that the address resolver knows; a page nobody named a row for is an error. Each
is asked for 200 times through Django's whole stack as the owner of half of everything, then through
a real `manage.py web`. Beside it: the admin's list of the same rows, which counts and pages by
offset. More than 12 statements on a page end it with an error.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bench import ledgerful, support
from bench.figures import Peer, percentile, tell

FIGURE = "page_p95_ms"
WEB_FIGURE = "page_web_p95_ms"  # the same through a real web process
REACH_MS = 100
MOST_STATEMENTS = 12
REQUESTS = 200
WEB_REQUESTS = 50
WARM = 5
DATABASE = "helix_bench_pages"
DEEP_DAYS = 50  # of the ledger's 60: four fifths of the list lie before it
EVENTS = 5_000  # that came in at one webhook
STEPS = 15  # pages walked to a deep one where the key of its rows is no moment

# What is no page: streams, pictures of the installation, answers to machines.
NO_PAGES = {"stream_events", "show_alive", "show_ready", "sign_out"}
NO_PAGES |= {"receive_webhook", "receive_webhook_bare", "receive_webhook_twin"}
# What a list is filtered by, so that the filter bites on this ledger.
FILTERS = {
    "list_runs": ("status=failed", "operation=email-classify", "origin=manual"),
    "list_schedules": ("state=paused", "state=failing", "q=email"),
    "list_jobs": ("state=failed",),
    "show_webhook": ("verdict=accepted",),
    "list_audit_events": ("action=budget.changed", "q=budget"),
}
QUERIES = {"preview_cadence": "expression=0 6 * * MON-FRI&zone=Europe/Vienna&type=cron"}
PEERS = {
    "list_runs": "operations_run",
    "list_schedules": "scheduling_schedule",
    "list_jobs": "jobs_jobrun",
    "list_audit_events": "audit_auditevent",
}


@dataclass(frozen=True)
class Page:
    """An address in one of its forms: first page, filtered, far down, as a fragment."""

    name: str
    form: str
    path: str


@dataclass(frozen=True)
class Timing:
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    statements: int
    kilobytes: float


class NotMeasured(RuntimeError):
    """A page did not answer as a page does."""


# --- where it is measured -----------------------------------------------------------------------


@contextlib.contextmanager
def kept_house(*, is_sqlite: bool, is_fresh: bool, name: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a filled installation, made if there is none of this name."""
    var = Path(tempfile.gettempdir()) / f"{name}-var"
    var.mkdir(mode=0o700, exist_ok=True)
    file = var / "pages.sqlite3"
    if is_sqlite:
        url = f"sqlite:///{file}"
        if is_fresh:
            for each in var.glob("pages.sqlite3*"):
                each.unlink()
    else:
        url = urlsplit(support.SERVER)._replace(path=f"/{name}").geturl()
        if is_fresh:
            support.drop_database(name)
        support.make_database(name)
    env = support.environment(url, var, AUDIT_KEY="bench", HELIX_SIMULATED_PROVIDER="")
    support.manage(env, "setup")
    os.environ.clear()
    os.environ |= env | {"DJANGO_SETTINGS_MODULE": "config.settings"}

    import django

    django.setup()
    if not ledgerful.is_full():
        begun = time.monotonic()
        ledgerful.write()
        print(f"Wrote the ledger in {time.monotonic() - begun:.0f} s.", file=sys.stderr)
    yield env


# --- which pages there are ----------------------------------------------------------------------


def make_events(owner: Any) -> Any:
    """Make a webhook to which many deliveries came, and return the newest of them."""
    from django.utils import timezone

    from scheduling import services
    from scheduling.models import WebhookEvent

    schedule = services.create_schedule(
        owner=owner, by=None, operation="task-breakdown", type="webhook", dialect="standard"
    )
    events = [
        WebhookEvent(
            schedule=schedule,
            received_at=timezone.now(),
            dialect=schedule.dialect,
            verdict=WebhookEvent.Verdict.REFUSED,
            code=WebhookEvent.Code.MALFORMED,
            reason="The body must be a JSON object, {…}.",
            is_verified=True,
            status=400,
            size=2_000,
            payload="x" * 2_000,
        )
        for _ in range(EVENTS)
    ]
    WebhookEvent.objects.bulk_create(events, batch_size=500)
    return events[-1]


def rows_by_argument(owner: Any) -> Callable[[str, str], str]:
    """Return what tells which row opens the address `name`."""
    from audit.models import AuditEvent
    from jobs.models import JobRun
    from operations.models import Run
    from scheduling.models import Schedule, WebhookEvent

    runs, schedules = Run.objects.visible_to(owner), Schedule.objects.visible_to(owner)
    run = runs.filter(status="success", execution__isnull=False).order_by("-id")[5]
    busiest = schedules.order_by("-execution_count")[0]
    events = WebhookEvent.objects.visible_to(owner).order_by("-id")
    event = events.first() or make_events(owner)

    def row_for(name: str, argument: str) -> str:
        if argument == "slug":
            return "email-classify"
        if argument == "colour":
            return "3b82f6"
        rows: dict[str, Any] = {
            "webhook_event": event,
            "webhook": event.schedule,
            "old_secret": event.schedule,
            "schedule": busiest,
            "run": run,
            "job": JobRun.objects.visible_to(owner).order_by("-id").first(),
            "event": AuditEvent.objects.visible_to(owner).order_by("-id").first(),
        }
        for word, row in rows.items():
            if word in name:
                return str(row.pk)
        raise NotMeasured(f"Tell bench.pages which {argument} opens “{name}”.")

    return row_for


def addresses(owner: Any, wanted: set[str]) -> list[tuple[str, str]]:
    """Return (name, path) of every address of ours, or of those wanted, that is no admin page."""
    from django.urls import URLPattern, URLResolver, get_resolver, reverse

    row_for = rows_by_argument(owner)
    found: list[tuple[str, str]] = []

    def walk(patterns: list[Any], arguments: tuple[str, ...]) -> None:
        for entry in patterns:
            taken = (*arguments, *entry.pattern.regex.groupindex)
            if isinstance(entry, URLResolver):
                if entry.app_name != "admin":
                    walk(entry.url_patterns, taken)
            elif isinstance(entry, URLPattern) and entry.name and entry.name not in NO_PAGES:
                if wanted and entry.name not in wanted:
                    continue
                values = {each: row_for(entry.name, each) for each in taken}
                found.append((entry.name, reverse(entry.name, kwargs=values or None)))

    walk(get_resolver().url_patterns, ())
    return found


def forms_of(client: Any, name: str, path: str) -> Iterator[Page]:
    """Yield the page, its filtered forms, and a page far down its list; nothing for no page."""
    query = QUERIES.get(name, "")
    first = Page(name, "first", f"{path}?{quote(query, safe='=&')}" if query else path)
    response = client.get(first.path)
    if response.status_code in {204, 302, 405}:
        return
    if response.status_code != 200:
        raise NotMeasured(f"{first.path} answers {response.status_code}")
    body = text_of(response)
    yield first
    yield from _deep(client, first, body)
    for each in FILTERS.get(name, ()):
        filtered = Page(name, each, f"{path}?{each}")
        told = text_of(client.get(filtered.path))
        if _rows_of(told) == _rows_of(body):
            print(f"{filtered.path}: the filter changes nothing; left out", file=sys.stderr)
            continue
        yield filtered
        yield from _deep(client, filtered, told)


def _deep(client: Any, page: Page, body: str) -> Iterator[Page]:
    cursor = _next_cursor(body)
    if cursor is None:
        return
    form = "deep" if page.form == "first" else f"{page.form}, deep"
    at = _forged(cursor)
    if at is None:
        at = cursor
        for _ in range(STEPS):
            at = _next_cursor(text_of(client.get(_with(page.path, at)))) or at
    if client.get(_with(page.path, at)).status_code == 200:
        yield Page(page.name, form, _with(page.path, at))


def _with(path: str, cursor: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}cursor={quote(cursor)}"


def _next_cursor(body: str) -> str | None:
    found = re.search(r"cursor=(next~[^\"&]+)", unescape(body))
    return found and found[1]


def _forged(cursor: str) -> str | None:
    """Return a cursor `DEEP_DAYS` back, for lists that are ordered by id alone."""
    from django.utils import timezone

    if not re.fullmatch(r"next~[0-9a-f-]{36}", cursor):
        return None
    return f"next~{ledgerful.id_at(timezone.now() - timedelta(days=DEEP_DAYS), 0)}"


def text_of(response: Any) -> str:
    return str(response.content.decode())


def _rows_of(body: str) -> list[str]:
    return re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", body)


# --- measuring ----------------------------------------------------------------------------------


def signed_in(user: Any) -> Any:
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def time_page(client: Any, path: str, requests: int) -> Timing:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(WARM):
        response = client.get(path)
        if response.status_code != 200:
            raise NotMeasured(f"{path} answers {response.status_code}")
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    statements = len(captured)  # now: the next request empties the log
    took, cpu = [], []
    for _ in range(requests):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        response = client.get(path)
        took.append((time.perf_counter() - begun) * 1000)
        cpu.append((time.process_time() - cpu_begun) * 1000)
    return Timing(
        p50_ms=percentile(took, 0.5),
        p95_ms=percentile(took, 0.95),
        cpu_ms=percentile(cpu, 0.5),
        statements=statements,
        kilobytes=len(response.content) / 1000,
    )


def statements_of(client: Any, path: str) -> list[str]:
    """Return the statements of a warm page, with the milliseconds of each, for whoever mends it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    # PostgreSQL's time and the driver's: what a page spends in Python is not in it.
    return [f"{float(each['time']) * 1000:6.1f} ms  {each['sql']}" for each in captured]


def measure_pages(owner: Any, wanted: set[str], requests: int, *, is_explained: bool) -> list[str]:
    """Tell the figure of each page; return what is wrong with any of them."""
    client = signed_in(owner)
    wrong = []
    for name, path in addresses(owner, wanted):
        try:
            pages = list(forms_of(client, name, path))
            peers = _peers(client, owner, name, requests) if pages else {}
            for page in pages:
                timing = time_page(client, page.path, requests)
                _tell(page, timing, peers.get("deep" if "deep" in page.form else "first"))
                if is_explained:
                    print("\n".join(statements_of(client, page.path)), file=sys.stderr)
                if timing.statements > MOST_STATEMENTS:
                    wrong.append(f"{page.path} takes {timing.statements} statements")
        except Exception as error:  # noqa: BLE001  # one page that breaks must not hide the others
            wrong.append(f"{name}: {type(error).__name__}: {error}")
    return wrong


def _peers(client: Any, owner: Any, name: str, requests: int) -> dict[str, Peer]:
    """Return what Django's admin needs for the first page of the same rows, and for a deep one."""
    from django.urls import reverse

    if name not in PEERS:
        return {}
    path = reverse(f"admin:{PEERS[name]}_changelist")
    if name in {"list_runs", "list_schedules"}:
        path += f"?owner__exact={owner.pk}"
    count = client.get(path).context_data["cl"].result_count
    last = f"{path}{'&' if '?' in path else '?'}p={max(1, int(count / 100 * DEEP_DAYS / 60))}"
    peers = {}
    for form, address in {"first": path, "deep": last}.items():
        timing = time_page(client, address, min(requests, 50))
        note = f"offset and count; {timing.statements} statements"
        peers[form] = Peer("django-admin", timing.p95_ms, note)
    return peers


def _tell(page: Page, timing: Timing, peer: Peer | None) -> None:
    tell(
        FIGURE,
        [timing.p95_ms],
        "ms",
        reach=REACH_MS,
        peers=[peer],
        note=f"{page.name}, {page.form}: p50 {timing.p50_ms:.1f} ms (this process's CPU"
        f" {timing.cpu_ms:.1f} ms), {timing.statements} statements, {timing.kilobytes:.0f} kB",
    )


def measure_web(owner: Any, env: dict[str, str], wanted: set[str]) -> None:
    """Ask the same first pages of a real web process, over a connection that is kept."""
    client = signed_in(owner)
    cookie = "; ".join(f"{key}={each.value}" for key, each in client.cookies.items())
    port = support.free_port()
    web = [sys.executable, "manage.py", "web", "--port", str(port)]
    with support.Process(web, env) as process:
        support.await_truth(lambda: _is_alive(port), "the web process", process=process)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for name, path in addresses(owner, wanted):
            page = next(forms_of(client, name, path), None)
            if page is None:
                continue
            took = []
            for number in range(WARM + WEB_REQUESTS):
                begun = time.perf_counter()
                connection.request("GET", page.path, headers={"Cookie": cookie})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise NotMeasured(f"{page.path} answers {answer.status} on the web")
                if number >= WARM:
                    took.append((time.perf_counter() - begun) * 1000)
            tell(
                WEB_FIGURE,
                [percentile(took, 0.95)],
                "ms",
                reach=REACH_MS,
                note=f"{name}: p50 {percentile(took, 0.5):.1f} ms through manage.py web",
            )
        connection.close()


def _is_alive(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


# --- command ------------------------------------------------------------------------------------


def measure() -> None:
    """Measure every page on PostgreSQL, in a process of its own: Django is set up once in each."""
    command = [sys.executable, "-m", "bench.pages"]
    if subprocess.run(command, cwd=support.ROOT, check=False).returncode:  # noqa: S603  # our own
        raise RuntimeError("some are beyond their limits; see above")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("pages", nargs="*", metavar="NAME", help="names of addresses; all if none")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="write the ledger anew")
    parser.add_argument("--no-web", action="store_true", help="without the real web process")
    parser.add_argument("--explain", action="store_true", help="print each page's statements")
    parser.add_argument("--database", default=DATABASE, help="the name it is kept by")
    options = parser.parse_args(arguments)
    with kept_house(is_sqlite=options.sqlite, is_fresh=options.fresh, name=options.database) as env:
        from accounts.models import User

        owner = User.objects.get(username=ledgerful.HEAVY)
        wanted = set(options.pages)
        wrong = measure_pages(owner, wanted, options.requests, is_explained=options.explain)
        if not options.no_web:
            measure_web(owner, env, wanted)
    for each in wrong:
        print(f"WRONG  {each}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
