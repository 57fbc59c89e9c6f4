from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from audit import services as audit
from audit.health import look_at_key
from core.health import Level

pytestmark = pytest.mark.django_db


def test_a_key_that_did_not_sign_the_log_is_red(alice: User, settings: Settings) -> None:
    with transaction.atomic():
        audit.record("thing.changed", target="thing", by=alice)

    assert look_at_key().level == Level.OK
    settings.AUDIT_KEY = "another key than the one that signed"
    assert look_at_key().level == Level.RED
