"""The built-in store: encrypted rows, each bound to its owner, name and version."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from functools import cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from core import changes
from core.models import StoredSecret
from core.secrets.keyfile import read_or_create
from core.secrets.masking import remember
from core.secrets.references import STORE_NAME, BadReference, SecretUnavailable
from core.secrets.secret import Secret, fingerprint

if TYPE_CHECKING:
    from accounts.models import User

KEY_FILE = "secret_store_keys"


def get(name: str, *, owner: User | None) -> Secret:
    row = _rows(owner).filter(name=name).first()
    if row is None:
        raise SecretUnavailable(f"There is no stored secret “{name}”.")
    return _open(row)


@transaction.atomic
def put(name: str, value: Secret, *, owner: User | None, by: User | None) -> str:
    """Store `value` under `name`, over what was there, and return the reference to it."""
    if not STORE_NAME.fullmatch(name):
        raise BadReference(
            "The name of a stored secret has small letters, digits and . _ / - only, at most 100."
        )
    if not value:
        raise SecretUnavailable("The secret is empty.")
    row = _rows(owner).select_for_update().filter(name=name).first()
    before = None if row is None else _told(row)
    if row is None:
        row = StoredSecret(owner=owner, name=name, version=0)
    row.version += 1
    row.fingerprint = fingerprint(value)
    _seal(row, value)
    row.save()
    changes.record(
        "secret.replaced" if before else "secret.stored",
        target=row,
        by=by,
        before=before,
        after=_told(row),
    )
    return f"store:{name}"


@transaction.atomic
def delete(name: str, *, owner: User | None, by: User | None) -> None:
    row = _rows(owner).select_for_update().filter(name=name).first()
    if row is None:
        raise SecretUnavailable(f"There is no stored secret “{name}”.")
    changes.record("secret.deleted", target=row, by=by, before=_told(row))
    row.delete()


@transaction.atomic
def rekey(*, by: User | None) -> int:
    """Seal every row that an older key sealed with the newest one; return how many there were."""
    newest = key_id(_keys()[0])
    rows = list(StoredSecret.objects.select_for_update().exclude(key_id=newest).order_by("pk"))
    for row in rows:
        _seal(row, _open(row))
        row.save(update_fields=["token", "key_id"])
    if rows:
        told = {"count": len(rows), "newest_key_id": newest}
        changes.record("secrets.rekeyed", target="core.storedsecret", by=by, after=told)
    return len(rows)


def unreadable_count() -> int:
    """Return how many rows were sealed with a key that this process does not have."""
    _fernet(tuple(_keys()))  # a key that is none says so here
    return StoredSecret.objects.exclude(key_id__in=[key_id(key) for key in _keys()]).count()


def has_key_for(row: StoredSecret) -> bool:
    return row.key_id in {key_id(key) for key in _keys()}


def key_id(key: str) -> str:
    return hmac.new(key.encode(), b"helix secret store key", hashlib.sha256).hexdigest()[:16]


def _rows(owner: User | None) -> QuerySet[StoredSecret]:
    if owner is None:
        return StoredSecret.objects.filter(owner__isnull=True)
    return StoredSecret.objects.filter(owner=owner)


def _told(row: StoredSecret) -> dict[str, object]:
    return {"name": row.name, "version": row.version, "fingerprint": row.fingerprint}


def _seal(row: StoredSecret, value: Secret) -> None:
    bound = {**_binding(row), "value": value.reveal()}
    row.token = _fernet(tuple(_keys())).encrypt(json.dumps(bound).encode()).decode()
    row.key_id = key_id(_keys()[0])


def _open(row: StoredSecret) -> Secret:
    try:
        bound = json.loads(_fernet(tuple(_keys())).decrypt(row.token))
    except InvalidToken:
        raise SecretUnavailable(
            f"The stored secret “{row.name}” was sealed with a key that is not in"
            " SECRET_STORE_KEYS, or was altered."
        ) from None
    value = Secret(bound.pop("value"))
    if bound != _binding(row):
        raise SecretUnavailable(
            f"The stored secret “{row.name}” was moved here from another row; store it anew."
        )
    return value


def _binding(row: StoredSecret) -> dict[str, object]:
    owner = None if row.owner_id is None else str(row.owner_id)
    return {"owner": owner, "name": row.name, "version": row.version}


def _keys() -> list[str]:
    """Return the master keys, newest first."""
    configured: list[str] = settings.SECRET_STORE_KEYS
    return configured or _keys_of_file()


@cache
def _keys_of_file() -> list[str]:
    keys = read_or_create(settings.VAR_DIR / KEY_FILE, _new_key).split()
    for key in keys:
        remember(key, is_own=True)
    return keys


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
