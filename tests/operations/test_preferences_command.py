from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from preferences.services import OperationChoice, lookup


def run(*args: str) -> Any:
    out = StringIO()
    call_command("preferences", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_set_changes_one_operation_and_prints_it(alice: User) -> None:
    said = run(
        "set", "--user", "alice", "--operation", "email-compose", "--enabled", "no",
        "--model", "local:rules-1", "--fallback", "--allow-local", "yes",
        "--params", '{"tone": "formal"}', "--budget", "2.50",
    )  # fmt: skip

    assert said == {
        "operation": "email-compose",
        "enabled": False,
        "model": "local:rules-1",
        "fallbacks": [],
        "allow_local": True,
        "parameters": {"tone": "formal"},
        "monthly_budget_usd": "2.50",
    }
    assert lookup(alice.pk, "email-compose").parameters == {"tone": "formal"}


def test_auto_and_none_take_a_choice_back(alice: User) -> None:
    to = ("set", "--user", "alice", "--operation", "email-compose")
    run(*to, "--model", "local:rules-1", "--fallback", "--allow-local", "no", "--budget", "1")

    run(*to, "--model", "auto", "--fallback", "auto", "--allow-local", "auto", "--budget", "none")

    assert lookup(alice.pk, "email-compose") == OperationChoice()


def test_list_names_every_operation(alice: User) -> None:
    run("set", "--user", "alice", "--operation", "email-compose", "--enabled", "no")

    rows = {row["operation"]: row for row in run("list", "--user", "alice")}

    assert len(rows) >= 9
    assert not rows["email-compose"]["enabled"]
    assert rows["email-classify"]["enabled"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--params", '{"tone": "rude"}'], "tone must be one of professional"),
        (["--params", "{"], "--params is not JSON"),
        (["--params", '{"series": [NaN]}'], "series[0] must be a finite number"),
        (["--model", "x:y"], "model names no model, “x:y”. Choose one of:"),
        (["--budget", "-1"], "monthly_budget_usd must not be below 0"),
        ([], "Nothing to set"),
    ],
)
def test_a_bad_choice_is_refused_in_a_sentence(alice: User, args: list[str], words: str) -> None:
    with pytest.raises(CommandError) as refusal:
        run("set", "--user", "alice", "--operation", "email-compose", *args)

    assert words in str(refusal.value)
    assert lookup(alice.pk, "email-compose") == OperationChoice()


@pytest.mark.django_db
def test_an_unknown_user_is_named() -> None:
    with pytest.raises(CommandError, match="nobody"):
        run("list", "--user", "nobody")
