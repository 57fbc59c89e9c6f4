from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from providers.models import ModelPrice, Provider, ProviderModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_root(sam: User) -> Client:
    sam.is_superuser = True
    sam.save()
    client = Client()
    client.force_login(sam)
    return client


@pytest.mark.parametrize("table", ["provider", "providermodel", "modelprice"])
def test_each_table_can_be_searched(as_root: Client, table: str) -> None:
    response = as_root.get(f"/admin/providers/{table}/", {"q": "gemini"})

    assert response.status_code == 200
    assert "gemini" in response.content.decode().lower()


@pytest.mark.parametrize("model", [ModelPrice, ProviderModel])
def test_prices_and_models_are_read_only(
    as_root: Client, model: type[ModelPrice | ProviderModel]
) -> None:
    row = model.objects.first()
    assert row is not None
    address = f"/admin/providers/{model._meta.model_name}/{row.pk}"

    assert as_root.get(f"{address}/change/").status_code == 200
    assert as_root.post(f"{address}/change/", {"source": "x"}).status_code == 403
    assert as_root.post(f"{address}/delete/", {"post": "yes"}).status_code == 403


def test_limits_changed_in_the_admin_are_audited(as_root: Client) -> None:
    provider = Provider.objects.get(name="openai")

    as_root.post(
        f"/admin/providers/provider/{provider.pk}/change/",
        {"requests_per_minute": "60", "tokens_per_minute": ""},
    )

    provider.refresh_from_db()
    assert provider.requests_per_minute == 60
    assert AuditEvent.objects.filter(action="provider.limits_set").count() == 1
