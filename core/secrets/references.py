"""From a reference in a row to the secret it stands for."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from django.conf import settings

from core.errors import DomainError
from core.secrets.secret import Secret

if TYPE_CHECKING:
    from accounts.models import User

Scheme = Literal["store", "env", "file", "op"]
STORE_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]{0,99}")
LARGEST_FILE = 64 * 1024  # bytes; keys and certificates are a tenth of it


class BadReference(DomainError):
    """A secret is named store:NAME, env:NAME or file:NAME."""


class SecretUnavailable(DomainError):
    """The secret cannot be read."""


@dataclass(frozen=True)
class Reference:
    scheme: Scheme
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}"


def parse(ref: str) -> Reference:
    """Return the parts of `ref`; raises `BadReference`, also for what an operator did not allow.

    A text that is no reference may be the secret itself, so the error does not repeat it.
    """
    scheme, colon, name = ref.partition(":")
    if not colon or not name or scheme not in {"store", "env", "file", "op"}:
        raise BadReference
    if scheme == "op":
        raise BadReference("Secrets in 1Password (op://…) come later; use store:NAME or env:NAME.")
    if scheme == "store" and not STORE_NAME.fullmatch(name):
        raise BadReference(
            "The name of a stored secret has small letters, digits and . _ / - only, at most 100."
        )
    if scheme == "env" and not any(fnmatchcase(name, ok) for ok in settings.HELIX_SECRET_ENV_ALLOW):
        raise BadReference(
            f"The environment variable {name} is not among those that HELIX_SECRET_ENV_ALLOW names."
        )
    return Reference(cast("Scheme", scheme), name)


def get(ref: str, owner: User | None) -> Secret:
    """Return the secret that `ref` names; `owner` is whose stored secrets are meant, None: ours.

    Raises `BadReference` or `SecretUnavailable`, never with the secret in it.
    """
    reference = parse(ref)
    if reference.scheme == "env":
        value = os.environ.get(reference.name, "").strip()
    elif reference.scheme == "file":
        value = _read_file(reference.name)
    else:
        # The settings import this package before there are models.
        from core.secrets import store

        return store.get(reference.name, owner=owner)
    if not value:
        raise SecretUnavailable(f"{reference} is empty or not set where this process runs.")
    return Secret(value)


def _read_file(name: str) -> str:
    for folder in map(Path, settings.HELIX_SECRET_FILE_ALLOW):
        root = folder.resolve()
        path = (root / name).resolve()  # links followed: where it truly lies is what counts
        if path.is_relative_to(root) and path.is_file():
            return _read_regular(path, name)
    raise SecretUnavailable(
        f"file:{name} is in none of the directories that HELIX_SECRET_FILE_ALLOW names."
    )


def _read_regular(path: Path, name: str) -> str:
    try:
        # The path was resolved, so a link here was put in its place since.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
                raise SecretUnavailable(f"file:{name} is not a file of at most 64 KiB.")
            return file.read(LARGEST_FILE).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnavailable(f"file:{name} cannot be read: {type(error).__name__}.") from None
