from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from core.secrets import BadReference, Secret, SecretUnavailable, get, parse, store

CANARY = "canary-0816-value"


@pytest.fixture(autouse=True)
def _allowed(settings: Any, tmp_path: Path) -> None:
    settings.HELIX_SECRET_ENV_ALLOW = ["OPENAI_API_KEY", "HELIX_HOOK_*"]
    settings.HELIX_SECRET_FILE_ALLOW = [str(tmp_path / "allowed")]
    (tmp_path / "allowed").mkdir()


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HELIX_HOOK_1"])
def test_an_allowed_variable_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, CANARY)

    assert get(f"env:{name}", None) == Secret(CANARY)


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "DATABASE_URL", "openai_api_key", "X_OPENAI_API_KEY"]
)
def test_any_other_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, CANARY)

    with pytest.raises(BadReference, match="HELIX_SECRET_ENV_ALLOW"):
        get(f"env:{name}", None)


def test_a_variable_that_is_not_set_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(SecretUnavailable, match="env:OPENAI_API_KEY is empty or not set"):
        get("env:OPENAI_API_KEY", None)


def test_a_file_in_an_allowed_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "allowed" / "key").write_text(f"{CANARY}\n")

    assert get("file:key", None).reveal() == CANARY
    assert get(f"file:{tmp_path}/allowed/key", None).reveal() == CANARY


@pytest.mark.parametrize("name", ["../outside", "link", "folder/up", "/etc/passwd", "", "."])
def test_a_file_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(CANARY)
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "allowed" / "folder").symlink_to(tmp_path)
    (tmp_path / "up").write_text(CANARY)

    with pytest.raises((SecretUnavailable, BadReference)):
        get(f"file:{name}", None)


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    """Kubernetes mounts its secrets as links into a dated folder."""
    (tmp_path / "allowed" / "..2026").mkdir()
    (tmp_path / "allowed" / "..2026" / "key").write_text(CANARY)
    (tmp_path / "allowed" / "key").symlink_to("..2026/key")

    assert get("file:key", None).reveal() == CANARY


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "allowed" / "key").write_text("x" * 70_000)

    with pytest.raises(SecretUnavailable, match="64 KiB"):
        get("file:key", None)


def test_1password_comes_later() -> None:
    with pytest.raises(BadReference, match="come later"):
        parse("op://vault/item/field")


@pytest.mark.parametrize("ref", ["", "x", CANARY, "http:x", "store:", "store:Ünïcode", "store:a b"])
def test_what_is_no_reference_is_refused_and_not_repeated(ref: str) -> None:
    with pytest.raises(BadReference) as refused:
        parse(ref)

    assert CANARY not in str(refused.value)


def test_a_stored_secret_is_its_owners_alone(alice: User, bob: User) -> None:
    ref = store.put("openai", Secret(CANARY), owner=alice, by=alice)

    assert get(ref, alice) == Secret(CANARY)
    for stranger in (bob, None):
        with pytest.raises(SecretUnavailable, match="no stored secret"):
            get(ref, stranger)
