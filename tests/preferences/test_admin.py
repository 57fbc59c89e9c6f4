from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from preferences.models import OperationPreference, ThemePreference
from tests.builders import make_user

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def as_root(db: None) -> Client:
    client = Client()
    client.force_login(make_user("root", is_superuser=True))
    return client


@pytest.mark.parametrize("model", ["operationpreference", "themepreference"])
def test_rows_are_listed_searched_and_read_only(as_root: Client, alice: User, model: str) -> None:
    rows = (
        OperationPreference.objects.create(
            owner=alice, operation="email-compose", monthly_budget_usd=5, updated_at=NOW
        ),
        ThemePreference.objects.create(owner=alice, updated_at=NOW),
    )
    row = next(row for row in rows if row._meta.model_name == model)

    listing = as_root.get(reverse(f"admin:preferences_{model}_changelist"), {"q": "alice"})
    page = as_root.get(reverse(f"admin:preferences_{model}_change", args=[row.pk]))

    assert "alice" in listing.content.decode()
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()


def test_a_person_who_is_not_staff_sees_none_of_it(as_bob: Client, alice: User) -> None:
    ThemePreference.objects.create(owner=alice, updated_at=NOW)

    response = as_bob.get(reverse("admin:preferences_themepreference_changelist"))

    assert response.status_code == 302
