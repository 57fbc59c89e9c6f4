"""The cast: alice owns, bob is a stranger, sam is staff."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import User
from audit import append_only
from tests.builders import make_user


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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let the suite, and nothing else, empty the audit tables between two tests."""
    with django_db_blocker.unblock():
        append_only.remove(connection, append_only.EMPTYING[connection.vendor])
