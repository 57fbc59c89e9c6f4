from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command, load_command_class
from django.core.management.base import SystemCheckError

from accounts.models import User
from core.checks import check_stored_secrets
from core.secrets import Secret, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Any:
        call_command(*arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return run


def test_users_are_listed(alice: User, sam: User, told: Any) -> None:
    assert [(row["username"], row["role"]) for row in told("users", "list")] == [
        ("alice", "user"),
        ("sam", "staff"),
    ]


def test_a_new_user_gets_a_password_shown_once(told: Any) -> None:
    login = told("users", "create", "carol", "--zone", "Asia/Tokyo")

    user = User.objects.get(username="carol")
    assert user.zone == "Asia/Tokyo"
    assert user.check_password(login["password"])


def test_a_password_may_be_piped_in(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("piped-in-4711\n"))

    login = told("users", "create", "carol", "--password-stdin")

    assert login["password"] is None
    assert User.objects.get(username="carol").check_password("piped-in-4711")


def test_a_password_is_changed(alice: User, told: Any) -> None:
    login = told("users", "set-password", "alice")

    alice.refresh_from_db()
    assert alice.check_password(login["password"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "create", "alice"),
        ("users", "create", "carol", "--zone", "Mars/Olympus"),
        ("users", "set-password", "nobody"),
        ("secrets", "delete", "nothing"),
        ("secrets", "delete", "nothing", "--user", "nobody"),
    ],
)
def test_what_cannot_be_done_is_said(alice: User, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command(*arguments)


def test_a_secret_is_piped_in_and_never_shown(
    alice: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("canary-4711-value\n"))

    call_command("secrets", "set", "openai", "--user", "alice")
    call_command("secrets", "list", "--json")
    call_command("secrets", "list")

    assert store.get("openai", owner=alice) == Secret("canary-4711-value")
    assert "canary" not in capsys.readouterr().out


def test_a_secret_is_deleted_and_the_rest_sealed_anew(told: Any) -> None:
    store.put("openai", Secret("canary-4711-value"), owner=None, by=None)

    assert told("secrets", "rekey") == {"rekeyed": 0}
    assert told("secrets", "delete", "openai") == {"deleted": "store:openai"}
    assert told("secrets", "list") == []


def test_a_lost_key_does_not_lock_the_way_out(told: Any, settings: Any) -> None:
    settings.SECRET_STORE_KEYS = [Fernet.generate_key().decode()]
    store.put("openai", Secret("canary-4711-value"), owner=None, by=None)
    settings.SECRET_STORE_KEYS = [Fernet.generate_key().decode()]
    [error] = check_stored_secrets(None)
    assert "`secrets delete NAME`" in (error.hint or "")

    with pytest.raises(SystemCheckError):
        call_command("users", "list", skip_checks=False)
    assert load_command_class("accounts", "secrets").requires_system_checks == []

    [row] = told("secrets", "list")
    assert row["is_readable"] is False
    assert told("secrets", "delete", "openai")
    assert check_stored_secrets(None) == []
