"""The cast: alice owns, bob is a stranger, sam is staff."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import User
from audit import append_only
from providers import catalogue
from tests.builders import make_user
from tests.processes import manage


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def sam(db: None) -> User:
    return make_user("sam", role=User.Role.STAFF)


@pytest.fixture
def as_alice(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def as_sam(sam: User) -> Client:
    return signed_in(sam)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _no_catalogue_of_another_test() -> Iterator[None]:
    """Forget what a test's transaction showed and its end undid."""
    yield
    catalogue.invalidate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let the suite, and nothing else, empty the audit tables between two tests."""
    with django_db_blocker.unblock():
        append_only.remove(connection, append_only.EMPTYING[connection.vendor])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a HELIX_VAR_DIR that is set up, on SQLite, to be copied by tests."""
    var = tmp_path_factory.mktemp("migrated")
    manage(var, "setup")
    return var
