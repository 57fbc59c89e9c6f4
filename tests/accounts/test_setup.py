from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User

pytestmark = pytest.mark.django_db


def setup(*words: str) -> str:
    out = io.StringIO()
    call_command("setup", *words, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.staticfiles.is_needed", lambda: False)
    monkeypatch.delenv("HELIX_ADMIN_USERNAME", raising=False)
    monkeypatch.delenv("HELIX_ADMIN_PASSWORD", raising=False)


def test_the_first_user_and_password_are_told_once() -> None:
    first, again = json.loads(setup("--json")), json.loads(setup("--json"))

    assert first["first_user"] == "admin"
    assert User.objects.get(is_superuser=True).check_password(first["password"])
    assert again == {"first_user": "admin", "password": None}
    assert setup() == ""


def test_a_given_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIX_ADMIN_PASSWORD", "correct-horse-battery")

    assert setup() == ""
    assert User.objects.get(username="admin").check_password("correct-horse-battery")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("HELIX_ADMIN_USERNAME", "a b!", "HELIX_ADMIN_USERNAME “a b!”: username: Enter a valid"),
        ("HELIX_ADMIN_USERNAME", "alice", "there is a user “alice” already"),
        ("HELIX_ADMIN_PASSWORD", "12345678", "HELIX_ADMIN_PASSWORD: This password is too common"),
        ("HELIX_ADMIN_PASSWORD", "short", "HELIX_ADMIN_PASSWORD: This password is too short"),
    ],
)
def test_a_first_user_who_cannot_be_is_a_sentence(
    alice: User, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(CommandError, match=sentence):
        setup()

    assert not User.objects.filter(is_superuser=True).exists()
