from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from operations import services
from operations.models import Run
from tests.operations.kit import TASK, drain, submit

pytestmark = pytest.mark.django_db(transaction=True)

MAILS = {
    "emails": [
        {
            "id": "1",
            "from": "shop@example.com",
            "subject": "Your receipt for order 1234",
            "body": "Thank you for your payment of $20.00. Order total: $20.00.",
        }
    ]
}


def run(*arguments: str) -> Any:
    """Return what the command prints with --json."""
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_run_operation_settles_a_run_and_prints_it_whole(alice: User) -> None:
    printed = run(
        "run_operation", "email-classify", "--user", "alice", "--params", json.dumps(MAILS)
    )

    assert printed["status"] == "success"
    assert printed["result"]["classifications"][0]["category"] == "receipt"
    assert (printed["provider"], printed["model"]) == ("local", "rules-1")
    assert Decimal(printed["cost_usd"]) == 0
    assert {"cost_low_usd", "cost_mid_usd", "cost_high_usd", "latency_ms", "error"} <= set(printed)
    [attempt] = printed["attempts"]
    assert (attempt["provider"], attempt["outcome"]) == ("local", "success")
    assert Run.objects.get().owner == alice


def test_parameters_come_from_a_file_or_standard_input(
    alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mails.json"
    file.write_text(json.dumps(MAILS), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(MAILS)))

    from_file = run("run_operation", "email-classify", "--user", "alice", "--params", f"@{file}")
    from_stdin = run("run_operation", "email-classify", "--user", "alice", "--params", "-")

    assert from_file["result"] == from_stdin["result"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such", "--user", "alice"], "There is no operation “no-such”. Choose one of:"),
        (["email-classify", "--user", "nobody"], "There is no user “nobody”"),
        (["email-classify", "--user", "alice"], "emails is required"),
        (["email-classify", "--user", "alice", "--params", "{"], "--params is not JSON"),
        (["email-classify", "--user", "alice", "--params", "[1]"], "must be an object"),
        (["email-classify", "--user", "alice", "--params", "@/no/file"], "cannot be read"),
        (
            ["email-classify", "--user", "alice", "--params", '{"emails": NaN}'],
            "emails must be a finite number",
        ),
        (
            [
                "email-classify",
                "--user",
                "alice",
                "--params",
                json.dumps(MAILS),
                "--priority",
                "11",
            ],
            "priority must be from 1 to 10",
        ),
        (
            ["email-classify", "--user", "alice", "--params", json.dumps(MAILS), "--model", "x:y"],
            "model names no model, “x:y”",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence_and_leaves_nothing(
    alice: User, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence.replace("(", r"\(")):
        call_command("run_operation", *arguments)

    assert not Run.objects.exists()


def test_a_run_that_does_not_succeed_is_printed_and_exits_with_its_reason(
    alice: User, settings: Any
) -> None:
    services.save_preferences(
        owner=alice,
        changes={"email-classify": {"model": "openai:gpt-6-luna", "fallbacks": []}},
        by=alice,
    )
    out = io.StringIO()

    with pytest.raises(CommandError, match="has no key here"):
        call_command(
            *("run_operation", "email-classify", "--user", "alice"),
            *("--params", json.dumps(MAILS), "--json"),
            stdout=out,
        )

    assert json.loads(out.getvalue())["status"] == "failed"


def test_budgets_are_set_and_listed_with_their_reset(alice: User) -> None:
    run("budgets", "set", "--user", "alice", "--limit", "12.50")
    run("budgets", "set", "--user", "alice", "--limit", "1", "--operation", "email-classify")

    total, classify = run("budgets", "list", "--user", "alice")

    assert (total["scope"], Decimal(total["limit_usd"])) == ("total", Decimal("12.5"))
    assert classify["scope"] == "email-classify"
    assert Decimal(classify["limit_usd"]) == 1
    assert Decimal(total["spent_usd"]) == Decimal(total["held_usd"]) == 0
    assert total["resets_at"].endswith("Z")


@pytest.mark.parametrize("limit", ["-1", "much", "NaN", "1e99", ""])
def test_a_limit_that_is_no_amount_is_refused(alice: User, limit: str) -> None:
    with pytest.raises(CommandError, match="--limit"):
        call_command("budgets", "set", "--user", "alice", f"--limit={limit}")


def test_a_limit_is_lifted_by_none(alice: User) -> None:
    run("budgets", "set", "--user", "alice", "--limit", "1")

    lifted = run("budgets", "set", "--user", "alice", "--limit", "none")

    assert lifted["limit_usd"] is None


def test_runs_are_listed_newest_first_and_shown(alice: User, bob: User) -> None:
    older, newer, other = submit(alice), submit(alice), submit(bob)

    listed = run("runs", "list", "--user", "alice")

    assert [each["id"] for each in listed] == [str(newer.pk), str(older.pk)]
    assert run("runs", "show", str(other.pk))["id"] == str(other.pk)
    page = run("runs", "list", "--user", "alice", "--before", str(newer.pk))
    assert [each["id"] for each in page] == [str(older.pk)]


def test_a_waiting_run_is_cancelled_and_stays_so(alice: User) -> None:
    waiting = submit(alice)

    cancelled = run("runs", "cancel", str(waiting.pk), "--reason", "changed my mind")
    drain()

    waiting.refresh_from_db()
    assert (cancelled["status"], waiting.status) == ("cancelled", "cancelled")
    assert waiting.reason == "changed my mind"
    with pytest.raises(CommandError, match="Only a run that waits"):
        call_command("runs", "cancel", str(waiting.pk))


def test_default_parameters_fill_what_a_run_leaves_out(alice: User) -> None:
    services.save_preferences(
        owner=alice, changes={"task-breakdown": {"parameters": {"max_steps": 4}}}, by=alice
    )

    defaulted = submit(alice, parameters={"title": "Write"})
    stated = submit(alice, parameters=TASK)

    assert defaulted.parameters["max_steps"] == 4
    assert stated.parameters["max_steps"] == TASK["max_steps"]


def test_default_parameters_that_do_not_fit_are_refused(alice: User) -> None:
    with pytest.raises(Exception, match="max_steps"):
        services.save_preferences(
            owner=alice, changes={"task-breakdown": {"parameters": {"max_steps": -4}}}, by=alice
        )


def test_circuits_are_listed_and_resumed(db: None) -> None:
    from operations.models import ProviderState

    ProviderState.objects.create(provider="openai", paused_reason="401")

    assert run("circuits", "list")[0]["state"] == "paused"
    run("circuits", "resume", "openai")

    assert run("circuits", "list")[0]["state"] == "closed"
    with pytest.raises(CommandError, match="There is no provider “nobody”"):
        call_command("circuits", "resume", "nobody")
