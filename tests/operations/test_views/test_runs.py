from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import Http404, QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from core import live
from core.ids import uuid7
from operations.models import Attempt, EngineWorker, Run
from providers import catalogue
from scheduling.models import Execution, Schedule
from tests.builders import make_run

HTMX = {"HX-Request": "true", "HX-Target": "run-table"}
DIALOG = {"HX-Request": "true", "HX-Target": "dialog-body"}
MOST_QUERIES = 12


def address(run: Run, verb: str = "") -> str:
    return f"/runs/{run.pk}/{verb}"


def text(client: Client, url: str, **more: Any) -> str:
    response = client.get(url, **more)
    assert response.status_code == 200
    return response.content.decode()


def queries_of(client: Client, url: str) -> int:
    """Return the queries of a page in a process that remembers what it may for some seconds."""
    catalogue.snapshot()
    counts = []
    for _ in range(4):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    return min(counts)


def scheduled(owner: User, **more: Any) -> tuple[Run, Schedule]:
    """Return a run that a schedule of `owner` started."""
    schedule = Schedule.objects.create(
        owner=owner, name="Nightly <b>", operation="task-breakdown", type="manual", zone="UTC"
    )
    run = make_run(owner, origin=Run.Origin.CRON, **more)
    Execution.objects.create(
        schedule=schedule, expected_at=timezone.now(), triggered_by="cron", run=run
    )
    return run, schedule


# --- the list -------------------------------------------------------------------------------------


def test_the_list_shows_own_runs_with_what_started_them(
    as_alice: Client, alice: User, bob: User
) -> None:
    run, schedule = scheduled(alice)
    foreign = make_run(bob)

    page = text(as_alice, "/runs/")

    assert f'href="/runs/{run.pk}/"' in page
    assert (
        f'<a id="origin-{run.pk}" href="/schedules/{schedule.pk}/"><bdi>Nightly &lt;b&gt;' in page
    )
    assert str(foreign.pk) not in page


def test_nobody_signed_in_is_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/runs/").status_code == 302


def test_the_list_is_only_read(as_alice: Client) -> None:
    assert as_alice.post("/runs/").status_code == 405


def test_htmx_gets_the_table_and_beside_it_the_counts(as_alice: Client, alice: User) -> None:
    make_run(alice, status=Run.Status.FAILED, error="Out of <money>.")

    part = text(as_alice, "/runs/?status=failed", headers=HTMX)

    assert "<html" not in part
    assert part.lstrip().startswith('<section class="panel panel--flush" id="run-table"')
    assert 'id="run-states" hx-swap-oob="true"' in part
    assert "Out of &lt;money&gt;." in part


def test_the_whole_page_is_live_and_sends_nothing_out_of_band(
    as_alice: Client, alice: User
) -> None:
    make_run(alice)

    page = text(as_alice, "/runs/?status=pending")

    assert 'data-live="runs?status=pending"' in page
    assert 'data-live="run-states?status=pending"' in page
    assert "hx-swap-oob" not in page


def test_a_later_page_stands_still(as_alice: Client, alice: User) -> None:
    for _ in range(51):
        make_run(alice)
    first = as_alice.get("/runs/")
    cursor = first.context["found"].page.next_cursor

    page = text(as_alice, f"/runs/?cursor={cursor}")

    assert 'data-live="runs' not in page
    assert page.count('<tr role="row" id="run-') == 1


def test_without_a_run_the_page_says_what_to_do(as_alice: Client) -> None:
    assert "No run yet." in text(as_alice, "/runs/")
    assert "No run fits." in text(as_alice, "/runs/?status=failed")
    assert "has only digits" in text(as_alice, "/runs/?q=report")


def test_unknown_cost_and_simulation_are_said(as_alice: Client, alice: User) -> None:
    make_run(alice, status=Run.Status.SUCCESS, provider="simulated", model="sim", result={})

    page = text(as_alice, "/runs/")

    assert ">unknown</span>" in page
    assert ">simulated</span>" in page


@pytest.mark.parametrize("url", ["/runs/", "/runs/?status=failed", "/runs/?origin=cron"])
def test_the_queries_of_the_list_do_not_grow(as_alice: Client, alice: User, url: str) -> None:
    for _ in range(3):
        scheduled(alice, status=Run.Status.FAILED)
    few = queries_of(as_alice, url)
    for _ in range(57):
        make_run(alice, origin=Run.Origin.CRON, status=Run.Status.FAILED)

    assert queries_of(as_alice, url) == few <= MOST_QUERIES


# --- one run --------------------------------------------------------------------------------------


def test_a_run_of_somebody_else_is_not_there(as_bob: Client, alice: User) -> None:
    run = make_run(alice)

    assert as_bob.get(address(run)).status_code == 404
    assert as_bob.get(address(run, "?as=json")).status_code == 404
    assert as_bob.get(address(run, "cancel/")).status_code == 404
    assert as_bob.post(address(run, "cancel/")).status_code == 404


def test_a_run_is_only_read(as_alice: Client, alice: User) -> None:
    assert as_alice.post(address(make_run(alice))).status_code == 405


@pytest.mark.parametrize("status", Run.Status.values)
def test_a_run_of_each_state_says_its_state(as_alice: Client, alice: User, status: str) -> None:
    run = make_run(alice, status=status, error="It broke.", reason="No <room>.")

    page = text(as_alice, address(run))

    assert f'data-tone="{status}">{Run.Status(status).label}</span>' in page
    assert ("It broke." in page) == (status == "failed")
    assert ("No &lt;room&gt;." in page) == (status in ("skipped", "cancelled"))
    assert ("Cancel</a>" in page) == (status in ("waiting", "pending"))
    assert ("Run again" in page) == run.is_final
    assert ('data-live="run?id=' in page) == (not run.is_final)


def test_a_run_tells_cost_estimate_and_attempts(as_alice: Client, alice: User) -> None:
    now = timezone.now()
    run = make_run(
        alice,
        status=Run.Status.SUCCESS,
        provider="openai",
        model="gpt-5-mini",
        input_tokens=1200,
        cached_tokens=1000,
        output_tokens=321,
        cost_low_usd=Decimal("0.001"),
        cost_mid_usd=Decimal("0.002"),
        cost_high_usd=Decimal("0.004"),
    )
    common = {"run": run, "started_at": now, "finished_at": now, "ceiling_usd": Decimal("0.05")}
    Attempt.objects.create(
        **common,
        number=1,
        provider="anthropic",
        model="claude-haiku-4-5",
        outcome="unknown",
        error_code="timed_out",
        error="No <answer>.",
        booked_usd=Decimal("0.05"),
    )
    Attempt.objects.create(
        **common,
        number=2,
        provider="openai",
        model="gpt-5-mini",
        outcome="success",
        cost_usd=Decimal("0.002"),
        is_late=True,
    )

    page = text(as_alice, address(run))

    assert "$0.001 to $0.004" in page
    assert "1,200 in, 321 out" in page
    assert "1,000 of those in from a cache" in page
    assert "Your budget counts $0.05" in page
    assert "cost unknown, counted as $0.05" in page
    assert "No &lt;answer&gt;." in page
    assert "paid for, but not used" in page
    assert "openai:gpt-5-mini followed, as its fallback." in page


def test_a_run_of_a_schedule_names_it_and_the_moment_it_was_expected(
    as_alice: Client, alice: User
) -> None:
    run, schedule = scheduled(alice)

    page = text(as_alice, address(run))

    assert f'href="/schedules/{schedule.pk}/"><bdi>Nightly &lt;b&gt;</bdi>' in page
    assert "<dt>Expected</dt><dd><time" in page


def test_a_pending_run_says_that_no_worker_is_there(as_alice: Client, alice: User) -> None:
    assert "No worker is running" in text(as_alice, address(make_run(alice)))


def test_a_run_is_given_as_json_with_its_parameters_and_attempts(
    as_alice: Client, alice: User
) -> None:
    run = make_run(alice, status=Run.Status.SUCCESS, result={"a": "</script>"})

    response = as_alice.get(address(run, "?as=json"))

    told = json.loads(response.content)
    assert response["Content-Type"] == "application/json"
    assert told["result"] == {"a": "</script>"}
    assert told["parameters"] == run.parameters
    assert told["attempts"] == []


@pytest.mark.parametrize("more", [{}, {"lane": "openai"}, {"claims": 2}])
def test_the_page_of_a_pending_run_takes_few_queries(
    as_alice: Client, alice: User, more: dict[str, Any]
) -> None:
    EngineWorker.objects.create(host="here", pid=1, slots=4)

    assert queries_of(as_alice, address(make_run(alice, **more))) <= MOST_QUERIES


def test_the_page_of_a_run_takes_as_many_queries_for_thirty_attempts(
    as_alice: Client, alice: User
) -> None:
    run = make_run(alice, status=Run.Status.FAILED)
    few = queries_of(as_alice, address(run))
    for number in range(1, 31):
        Attempt.objects.create(
            run=run, number=number, provider="local", model="m", started_at=timezone.now()
        )

    assert queries_of(as_alice, address(run)) <= few + 1 <= MOST_QUERIES  # the preference


# --- cancelling -----------------------------------------------------------------------------------


def test_the_dialog_names_the_run_and_works_as_a_page_too(as_alice: Client, alice: User) -> None:
    run = make_run(alice)

    part = text(as_alice, address(run, "cancel/"), headers=DIALOG)

    assert part.startswith('<div id="dialog-body">')
    assert "Cancel this run of “Break a task down”" in part
    assert "<html" in text(as_alice, address(run, "cancel/"))


def test_a_pending_run_is_cancelled_with_the_reason(as_alice: Client, alice: User) -> None:
    run = make_run(alice)

    response = as_alice.post(address(run, "cancel/"), {"reason": "Wrong report."})

    run.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, address(run))
    assert (run.status, run.reason) == (Run.Status.CANCELLED, "Wrong report.")
    assert AuditEvent.objects.filter(action="run.cancelled", actor_id=alice.pk).exists()


def test_without_a_reason_it_says_who_cancelled(as_alice: Client, alice: User) -> None:
    run = make_run(alice)

    response = as_alice.post(address(run, "cancel/"), {"reason": " "}, headers=DIALOG)

    run.refresh_from_db()
    assert response["HX-Redirect"] == address(run)
    assert run.reason == "Cancelled by alice."


def test_a_reason_that_is_too_long_is_told_in_the_form(as_alice: Client, alice: User) -> None:
    run = make_run(alice)

    response = as_alice.post(address(run, "cancel/"), {"reason": "x" * 301}, headers=DIALOG)

    assert response.status_code == 422
    assert b'aria-invalid="true"' in response.content
    run.refresh_from_db()
    assert run.status == Run.Status.PENDING


@pytest.mark.parametrize("status", ["running", "success", "failed", "skipped", "cancelled"])
def test_a_run_that_does_not_wait_is_not_cancelled(
    as_alice: Client, alice: User, status: str
) -> None:
    run = make_run(alice, status=status)

    response = as_alice.post(address(run, "cancel/"), headers=DIALOG)

    assert response.status_code == 409
    run.refresh_from_db()
    assert run.status == status


# --- live parts -----------------------------------------------------------------------------------


def render(name: str, user: User) -> str:
    (part,) = live.parse_parts([name]).values()
    return part.region.render(user, part.query)


def test_live_parts_are_the_elements_of_the_page(as_alice: Client, alice: User) -> None:
    run = make_run(alice)
    for name in (
        "runs",
        "runs?status=pending",
        "run-states",
        f"run?id={run.pk}",
        f"run-why?id={run.pk}",
    ):
        part = render(name, alice)

        assert part.lstrip().startswith("<")
        assert f'data-live="{name}"' in part
        assert "hx-swap-oob" not in part


def test_a_live_part_of_a_strangers_run_is_not_there(bob: User, alice: User) -> None:
    run = make_run(alice)

    assert str(run.pk) not in render("runs", bob)
    for query in (f"id={run.pk}", f"id={uuid7()}", "id=x", ""):
        for region in ("run", "run-why"):
            (part,) = live.parse_parts([region]).values()
            with pytest.raises(Http404):
                part.region.render(bob, QueryDict(query))
