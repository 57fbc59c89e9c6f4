from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.models import AuditEvent
from core import live
from jobs import queue, registry, reports, runner, services
from jobs.live import watch_jobs
from jobs.models import JobRun, JobStamp
from tests.builders import make_job
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
HTMX = {"HX-Request": "true", "HX-Target": "job-table"}
NIGHTLY = "t.nightly_count"


@pytest.fixture(autouse=True)
def _jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test two periodic jobs of its own, and a clock that stands still."""
    registry.all_tasks()
    monkeypatch.setattr(registry, "_tasks", {})
    monkeypatch.setattr(registry, "_periodic", {})
    registry.periodic(NIGHTLY, every=timedelta(days=1), offset=timedelta(hours=3))(lambda: None)
    registry.periodic("t.hourly", every=timedelta(hours=1))(lambda: None)
    with time_machine.travel(NOW, tick=False):
        yield


def make_many(count: int, **fields: Any) -> None:
    for each in range(count):
        make_job(NIGHTLY, duration_ms=1_000 + each, **{"finished_at": NOW, **fields})


def page(client: Client, query: str = "") -> str:
    return client.get(f"/jobs/{query}").content.decode()


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/start/", "/jobs/{pk}/"])
def test_jobs_are_not_there_for_other_people(as_alice: Client, path: str) -> None:
    address = path.format(pk=make_job().pk)

    assert as_alice.get(address).status_code in {404, 405}
    assert as_alice.post(address, {"name": NIGHTLY}).status_code in {404, 405}
    assert JobRun.objects.count() == 1


def test_each_system_job_is_a_row(as_sam: Client) -> None:
    make_many(3)
    with time_machine.travel(NOW + timedelta(seconds=1), tick=False):
        make_job(NIGHTLY, JobRun.State.FAILED, duration_ms=5_000, error="The disk is full.")
    JobStamp.objects.create(name=NIGHTLY, stamped_at=NOW - timedelta(hours=2))

    html = page(as_sam)

    assert "Nightly count" in html
    assert "every 1 d" in html
    assert "75% succeeded, <b>below 95%</b>" in html
    assert "Last 4 runs: 1 failed, latest failed" in html
    assert "2.0 s" in html  # the mean of 1.0, 1.0, 1.0 and 5.0


@pytest.mark.parametrize(
    ("stamped_at", "next_at"),
    [
        (None, NOW),  # never started: at the next minute
        (datetime(2026, 11, 20, 3, 0, tzinfo=UTC), NOW),  # its slot has begun
        (datetime(2026, 11, 21, 3, 0, tzinfo=UTC), datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
        (datetime(2026, 11, 21, 11, 0, tzinfo=UTC), datetime(2026, 11, 22, 3, 0, tzinfo=UTC)),
    ],
)
def test_the_next_start_is_told(stamped_at: datetime | None, next_at: datetime) -> None:
    if stamped_at:
        JobStamp.objects.create(name=NIGHTLY, stamped_at=stamped_at)

    _, nightly = reports.board(JobRun.objects.all(), now=NOW).system

    assert nightly.next_at == next_at


def test_the_told_start_is_when_it_starts() -> None:
    services.start_periodic(NOW)
    runner.drain_queue()
    _, nightly = reports.board(JobRun.objects.all(), now=NOW).system
    assert nightly.next_at is not None

    services.start_periodic(nightly.next_at - timedelta(seconds=1))
    assert JobRun.objects.filter(name=NIGHTLY).count() == 1
    services.start_periodic(nightly.next_at)
    assert JobRun.objects.filter(name=NIGHTLY).count() == 2


def test_a_job_without_an_interval_says_that_it_never_starts(
    as_sam: Client, settings: Settings
) -> None:
    settings.HELIX_JOB_INTERVALS = {NIGHTLY: 0}

    html = page(as_sam)

    assert "Never by itself" in html


def test_a_bar_says_its_time_in_the_readers_zone(sam: User) -> None:
    User.objects.filter(pk=sam.pk).update(zone="Asia/Tokyo")
    make_job(NIGHTLY, created_at=datetime(2026, 11, 21, 15, 30, tzinfo=UTC), duration_ms=120)

    html = signed_in(sam).get("/jobs/").content.decode()

    assert "<title>Success, 2026-11-22 00:30, 120 ms</title>" in html


def test_the_queue_is_told_in_figures() -> None:
    make_job(NIGHTLY, JobRun.State.QUEUED, created_at=NOW - timedelta(minutes=3))
    make_job(NIGHTLY, JobRun.State.QUEUED, next_attempt_at=NOW, created_at=NOW - timedelta(days=1))
    make_job(NIGHTLY, JobRun.State.RUNNING, started_at=NOW)
    queue.enqueue("t.hourly")

    board = reports.board(JobRun.objects.all(), now=NOW)

    assert (board.queued, board.pausing, board.running, board.depth) == (3, 1, 1, 1)
    assert board.oldest == timedelta(minutes=3)


def test_a_job_is_started_out_of_turn(as_sam: Client, sam: User) -> None:
    response = as_sam.post("/jobs/start/", {"name": NIGHTLY}, follow=True)

    assert "Queued “t.nightly_count”." in response.content.decode()
    assert JobRun.objects.get().state == JobRun.State.QUEUED
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.stream) == (
        "job.started_by_hand",
        sam.pk,
        str(sam.pk),
    )
    assert runner.drain_queue() == 1


def test_a_job_that_is_about_is_not_started_again(as_sam: Client) -> None:
    as_sam.post("/jobs/start/", {"name": NIGHTLY})
    html = page(as_sam)

    response = as_sam.post("/jobs/start/", {"name": NIGHTLY}, headers={"HX-Request": "true"})

    assert response.status_code == 409
    assert "is queued or running already" in response.content.decode()
    assert JobRun.objects.count() == 1
    assert html.count('type="submit" id="start-') == 2
    assert html.count('aria-label="Run now: Nightly count" disabled') == 1


def test_a_name_that_is_no_system_job_is_refused(as_sam: Client) -> None:
    registry.task("t.on_demand")(lambda: None)

    for name in ("t.on_demand", "os.system", ""):
        response = as_sam.post("/jobs/start/", {"name": name})
        assert response.status_code == 409
    assert not JobRun.objects.exists()


def test_starting_takes_a_post(as_sam: Client) -> None:
    assert as_sam.get("/jobs/start/").status_code == 405


def test_jobs_are_filtered_by_state_and_name(as_sam: Client) -> None:
    make_job(NIGHTLY, JobRun.State.FAILED, error="No disk.")
    make_job(NIGHTLY)
    make_job("t.hourly", JobRun.State.FAILED, error="No paper.")

    def shown(query: str) -> list[str]:
        response = as_sam.get(f"/jobs/{query}", headers=HTMX)
        html = response.content.decode()
        assert html.startswith('<section class="panel panel--flush" id="job-table"')
        return [text for text in ("No disk.", "No paper.") if text in html]

    assert shown("") == ["No disk.", "No paper."]
    assert shown("?state=failed&name=t.hourly") == ["No paper."]
    assert shown("?state=success") == []
    assert shown("?state=nonsense&name=nonsense&cursor=nonsense") == ["No disk.", "No paper."]


def test_older_jobs_are_pages_away_and_stand_still(as_sam: Client) -> None:
    make_many(51)

    first = as_sam.get("/jobs/?state=success", headers=HTMX).content.decode()
    (beyond,) = re.findall(r'href="(\?state=success&amp;cursor=[^"]+)" rel="next"', first)
    second = as_sam.get("/jobs/" + unescape(beyond), headers=HTMX).content.decode()

    assert 'data-live="job-runs?state=success"' in first
    assert "data-live" not in second
    assert (first.count('id="job-0'), second.count('id="job-0')) == (50, 1)


def test_a_live_part_repeats_only_what_is_asked_for(as_sam: Client) -> None:
    address = f"/jobs/?state=nonsense&name={NIGHTLY}&x={'x' * live.LONGEST_PART}"

    html = as_sam.get(address, headers=HTMX).content.decode()

    assert f'data-live="job-runs?name={NIGHTLY}"' in html


@pytest.mark.parametrize("query", ["", "?state=failed"])
def test_a_list_without_rows_says_so(as_sam: Client, query: str) -> None:
    told = {"": "No job has run yet", "?state=failed": "No job fits"}

    assert told[query] in page(as_sam, query)


def test_a_job_tells_what_went_wrong(as_sam: Client) -> None:
    job = make_job(NIGHTLY, JobRun.State.FAILED, error="<b>No</b> disk.", arguments={"days": 7})

    html = as_sam.get(f"/jobs/{job.pk}/").content.decode()
    fragment = as_sam.get(
        f"/jobs/{job.pk}/", headers={"HX-Request": "true", "HX-Target": "dialog-body"}
    ).content.decode()

    assert "&lt;b&gt;No&lt;/b&gt; disk." in html
    assert "&quot;days&quot;: 7" in html
    assert fragment.startswith('<div id="dialog-body">')


def test_no_page_grows(as_sam: Client) -> None:
    def queries() -> int:
        page(as_sam)  # fills what a process keeps for some seconds
        with CaptureQueriesContext(connection) as captured:
            page(as_sam)
        return len(captured)

    make_many(3)
    few = queries()
    make_many(30)

    assert queries() == few <= 12


def test_live_parts_show_what_the_page_shows(as_sam: Client, sam: User, alice: User) -> None:
    make_job(NIGHTLY, JobRun.State.RUNNING, progress=40, started_at=NOW)
    html = page(as_sam)
    parts = live.parse_parts(["jobs", "job-runs?state=running"])

    board, table = (part.region.render(sam, part.query) for part in parts.values())

    assert 'value="40"' in board
    assert board.startswith('<div class="stack" id="job-board" data-live="jobs">')
    assert 'data-live="job-runs?state=running"' in table
    assert 'value="40"' in html
    for part in parts.values():
        with pytest.raises(Http404):
            part.region.render(alice, part.query)


@pytest.mark.parametrize(
    "change",
    [
        lambda job: make_job(NIGHTLY),
        lambda job: JobRun.objects.filter(pk=job.pk).update(progress=50),
        lambda job: JobRun.objects.filter(pk=job.pk).update(state=JobRun.State.FAILED),
    ],
)
def test_live_parts_notice_a_change(change: Callable[[JobRun], object]) -> None:
    job = make_job(NIGHTLY, JobRun.State.RUNNING, started_at=NOW)
    before = watch_jobs()
    assert watch_jobs() == before

    change(job)

    assert watch_jobs() != before
