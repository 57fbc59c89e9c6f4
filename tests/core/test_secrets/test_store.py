from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.core.checks import Error, run_checks
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.models import AuditDetail, AuditEvent
from core.checks import check_stored_secrets
from core.models import StoredSecret
from core.secrets import BadReference, Secret, SecretUnavailable, store

pytestmark = pytest.mark.django_db

CANARY = "canary-0817-value"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_a_secret_comes_back_as_it_was_stored(alice: User) -> None:
    ref = store.put("openai", Secret(CANARY), owner=alice, by=alice)

    assert ref == "store:openai"
    assert store.get("openai", owner=alice) == Secret(CANARY)


def test_the_row_holds_nothing_of_the_value(alice: User) -> None:
    store.put("openai", Secret(CANARY), owner=alice, by=alice)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM stored_secrets")
        row = cursor.fetchone()
    assert CANARY not in repr(row)


def test_storing_again_replaces_and_counts(alice: User) -> None:
    store.put("openai", Secret("an-older-value"), owner=alice, by=alice)
    store.put("openai", Secret(CANARY), owner=alice, by=alice)

    assert StoredSecret.objects.get().version == 2
    assert store.get("openai", owner=alice) == Secret(CANARY)


def test_one_name_may_be_the_installations_and_everybodys(alice: User, bob: User) -> None:
    for owner, value in ((None, "value-of-ours"), (alice, "value-of-alice"), (bob, "value-of-bob")):
        store.put("openai", Secret(value), owner=owner, by=None)

    assert store.get("openai", owner=None) == Secret("value-of-ours")
    assert store.get("openai", owner=bob) == Secret("value-of-bob")


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_database_refuses_a_second_row_of_one_name(alice: User, *, is_ours: bool) -> None:
    store.put("openai", Secret(CANARY), owner=None if is_ours else alice, by=alice)
    second = StoredSecret.objects.get()
    second.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        second.save(force_insert=True)


@pytest.mark.parametrize("move", ["owner", "name", "version"])
def test_a_token_in_another_row_is_refused(alice: User, bob: User, move: str) -> None:
    store.put("openai", Secret(CANARY), owner=alice, by=alice)
    change: dict[str, Any] = {"owner": bob, "name": "other", "version": 7}
    StoredSecret.objects.update(**{move: change[move]})

    with pytest.raises(SecretUnavailable, match="moved here from another row"):
        store.get("other" if move == "name" else "openai", owner=bob if move == "owner" else alice)


def test_an_altered_token_is_refused(alice: User) -> None:
    store.put("openai", Secret(CANARY), owner=alice, by=alice)
    token = StoredSecret.objects.get().token
    StoredSecret.objects.update(token=token[:-4] + "AAA=")

    with pytest.raises(SecretUnavailable, match="altered"):
        store.get("openai", owner=alice)


def test_a_deleted_secret_is_gone(alice: User) -> None:
    store.put("openai", Secret(CANARY), owner=alice, by=alice)

    store.delete("openai", owner=alice, by=alice)

    with pytest.raises(SecretUnavailable):
        store.get("openai", owner=alice)


@pytest.mark.parametrize("name", ["", "Großes", "a b", "x" * 101, "-a"])
def test_a_name_that_cannot_be_a_reference_is_refused(name: str) -> None:
    with pytest.raises(BadReference):
        store.put(name, Secret(CANARY), owner=None, by=None)


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(SecretUnavailable, match="empty"):
        store.put("openai", Secret(""), owner=None, by=None)


def test_changes_are_recorded_without_the_value(alice: User) -> None:
    store.put("openai", Secret(CANARY), owner=alice, by=alice)
    store.put("openai", Secret(CANARY), owner=alice, by=alice)
    store.delete("openai", owner=alice, by=alice)

    actions = list(AuditEvent.objects.order_by("seq").values_list("action", flat=True))
    assert actions == ["secret.stored", "secret.replaced", "secret.deleted"]
    details = list(AuditDetail.objects.values_list("text", flat=True))
    assert all(CANARY not in text for text in details)
    assert json.loads(details[0])["after"]["fingerprint"]


def test_older_keys_still_open_and_the_newest_seals(settings: Any) -> None:
    settings.SECRET_STORE_KEYS = [OLD]
    store.put("openai", Secret(CANARY), owner=None, by=None)

    settings.SECRET_STORE_KEYS = [NEW, OLD]
    assert store.get("openai", owner=None) == Secret(CANARY)
    assert store.rekey(by=None) == 1

    settings.SECRET_STORE_KEYS = [NEW]
    assert store.get("openai", owner=None) == Secret(CANARY)
    assert store.rekey(by=None) == 0
    assert AuditEvent.objects.get(action="secrets.rekeyed").detail.text.count('"count":1') == 1


def test_a_row_whose_key_is_gone_stops_the_start(settings: Any) -> None:
    settings.SECRET_STORE_KEYS = [OLD]
    store.put("openai", Secret(CANARY), owner=None, by=None)
    assert check_stored_secrets(None) == []

    settings.SECRET_STORE_KEYS = [NEW]

    found = [message for message in run_checks() if message.id == "core.E001"]
    assert [isinstance(message, Error) for message in found] == [True]
    assert "1 stored secrets" in found[0].msg


def test_a_key_that_is_none_stops_the_start(settings: Any) -> None:
    settings.SECRET_STORE_KEYS = ["not a key"]

    assert [message.id for message in check_stored_secrets(None)] == ["core.E002"]


def test_the_first_use_makes_a_key_file_that_only_we_can_read(settings: Any) -> None:
    settings.SECRET_STORE_KEYS = []
    store.put("openai", Secret(CANARY), owner=None, by=None)

    path = Path(django_settings.VAR_DIR) / store.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.get("openai", owner=None) == Secret(CANARY)
