from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from audit.models import AuditEvent
from providers import catalogue, price_list, services
from providers.apps import _seed
from providers.models import ModelPrice, Provider, ProviderModel
from providers.pricing import RateCard, flat
from providers.versions import Version

pytestmark = pytest.mark.django_db


def test_a_migration_fills_the_catalogue() -> None:
    names = list(Provider.objects.values_list("name", flat=True))

    assert names == ["anthropic", "deepseek", "gemini", "openai", "compatible", "local"]
    assert ModelPrice.objects.filter(model__provider__name="openai").exists()


def test_syncing_again_writes_nothing_and_reads_little(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_list, "versions", lambda *_, **__: pytest.fail("read the list"))

    with django_assert_num_queries(5) as queries:  # three and a transaction's two
        services.sync_catalogue()

    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]


def test_seeding_waits_for_its_tables(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    before_the_first_migration = ProjectState().apps

    with django_assert_num_queries(0):
        _seed(apps=before_the_first_migration)


def test_syncing_mends_what_the_code_says_and_keeps_what_operators_set() -> None:
    Provider.objects.filter(name="openai").update(
        label="Wrong", requests_per_minute=7, key_ref="env:ANOTHER"
    )

    services.sync_catalogue()

    provider = Provider.objects.get(name="openai")
    assert (provider.label, provider.requests_per_minute) == ("OpenAI", 7)
    assert provider.key_ref == "env:ANOTHER"


def test_a_model_that_the_code_no_longer_names_is_retired() -> None:
    provider = Provider.objects.get(name="openai")
    ProviderModel.objects.create(
        provider=provider, name="gpt-0", label="Old", tier="cheap", rank=900
    )

    services.sync_catalogue()

    assert catalogue.snapshot().models["openai:gpt-0"].is_retired
    assert "gpt-0" not in [model.name for model in catalogue.snapshot().models_of("openai")]


def test_the_simulated_provider_appears_only_when_asked_for(settings: Settings) -> None:
    assert "simulated" not in catalogue.snapshot().providers

    settings.HELIX_SIMULATED_PROVIDER = "input_usd_per_mtok=2,output_usd_per_mtok=8"
    services.sync_catalogue()

    found = catalogue.snapshot()
    model = found.models["simulated:simulated-1"]
    assert found.providers["simulated"].is_simulated
    assert found.providers["simulated"].is_configured
    assert model.card == flat(Decimal(2), Decimal(8))


def test_a_changed_price_of_the_simulated_provider_is_a_new_version(
    settings: Settings,
) -> None:
    settings.HELIX_SIMULATED_PROVIDER = "1"
    services.sync_catalogue()
    first = catalogue.snapshot().models["simulated:simulated-1"]

    settings.HELIX_SIMULATED_PROVIDER = "output_usd_per_mtok=9"
    services.sync_catalogue()
    second = catalogue.snapshot().models["simulated:simulated-1"]

    assert second.price_id != first.price_id
    assert first.price_id is not None
    assert ModelPrice.objects.get(pk=first.price_id).card == first.card


def test_the_model_of_a_compatible_server_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_MODEL", "qwen3:8b")
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", "http://127.0.0.1:11434/v1")

    services.sync_catalogue()

    found = catalogue.snapshot()
    assert found.providers["compatible"].is_configured
    assert found.models["compatible:qwen3:8b"].card is None


def test_a_snapshot_adds_a_version_where_a_price_changed_and_says_so(
    monkeypatch: pytest.MonkeyPatch, sam: User
) -> None:
    before = catalogue.snapshot().models["openai:gpt-6-luna"]
    listed = price_list.versions
    dearer = flat(Decimal(9), Decimal(9))

    def changed(vendor: str, model: str, **moment: object) -> list[Version]:
        versions = listed(vendor, model, now=timezone.now())
        if model != "gpt-6-luna":
            return versions
        return [Version(versions[0].valid_from, dearer)]

    monkeypatch.setattr(price_list, "versions", changed)

    added = services.snapshot_prices(by=sam)

    after = catalogue.snapshot().models["openai:gpt-6-luna"]
    assert [price.model.name for price in added] == ["gpt-6-luna"]
    assert after.card == dearer
    assert before.price_id is not None
    assert ModelPrice.objects.get(pk=before.price_id).card == before.card
    assert AuditEvent.objects.filter(action="model_price.added", actor=sam).count() == 1


def test_a_snapshot_without_a_change_adds_nothing() -> None:
    assert services.snapshot_prices() == []


def test_a_price_set_by_hand_stays_and_starts_now() -> None:
    before = timezone.now()
    price = services.set_price(
        "openai:gpt-6-luna", input_usd=Decimal(0), output_usd=Decimal(0), by=None
    )

    services.snapshot_prices()

    assert price.valid_from >= before
    assert catalogue.snapshot().models["openai:gpt-6-luna"].price_id == price.pk


def test_a_price_set_by_hand_stays_where_another_is_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = price_list.versions

    def raised(vendor: str, model: str, **moment: Any) -> list[Version]:
        if model != "gemini-3.8-flash":
            return listed(vendor, model, **moment)
        return [Version(price_list.EARLIEST, flat(Decimal(9), Decimal(9)))]

    monkeypatch.setattr(price_list, "versions", raised)
    price = services.set_price(
        "gemini:gemini-3.8-flash", input_usd=Decimal(1), output_usd=Decimal(1), by=None
    )
    assert ModelPrice.objects.filter(model=price.model, valid_from__gt=timezone.now()).exists()

    added = services.snapshot_prices()

    assert added == []
    assert catalogue.snapshot().models["gemini:gemini-3.8-flash"].price_id == price.pk


def test_a_price_is_never_edited() -> None:
    price = ModelPrice.objects.first()
    assert price is not None

    with pytest.raises(TypeError, match="never edited"):
        price.save()


def test_an_announced_price_comes_into_force_on_its_day() -> None:
    model = ProviderModel.objects.get(name="gemini-3.8-flash")
    now_price, later_price = ModelPrice.objects.filter(model=model).order_by("valid_from")

    before = catalogue.load(at=later_price.valid_from - timedelta(seconds=1))
    after = catalogue.load(at=later_price.valid_from)

    assert before.models["gemini:gemini-3.8-flash"].price_id == now_price.pk
    assert after.models["gemini:gemini-3.8-flash"].price_id == later_price.pk


def test_limits_are_set_and_audited(sam: User) -> None:
    services.set_limits("openai", requests_per_minute=60, tokens_per_minute=None, by=sam)

    info = catalogue.snapshot().providers["openai"]
    assert (info.requests_per_minute, info.tokens_per_minute) == (60, None)
    assert AuditEvent.objects.filter(action="provider.limits_set", actor=sam).count() == 1


def test_an_unknown_provider_is_named_with_those_there_are() -> None:
    with pytest.raises(services.UnknownProvider, match=r"no provider “nope”.*anthropic"):
        services.find_provider("nope")


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(services.UnknownModel, match="provider:model"):
        services.find_model("gpt-6-luna")


def test_the_snapshot_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    first = catalogue.snapshot()

    with CaptureQueriesContext(connection) as kept:
        assert catalogue.snapshot() is first
    monkeypatch.setattr(catalogue, "MAX_AGE_S", 0.0)
    with CaptureQueriesContext(connection) as renewed:
        catalogue.snapshot()

    assert (len(kept), len(renewed)) == (0, 3)


def test_keys_and_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert not catalogue.snapshot().providers["openai"].is_configured

    monkeypatch.setenv("OPENAI_API_KEY", "sk-something-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    catalogue.invalidate()

    info = catalogue.snapshot().providers["openai"]
    assert info.is_configured
    assert info.base_url == "http://127.0.0.1:9"
    assert "something-secret" not in repr(info)


def test_defaults_are_those_of_the_design() -> None:
    found = catalogue.snapshot()

    defaults = {
        name: (found.default_model(name, "cheap"), found.default_model(name, "quality"))
        for name in ("anthropic", "deepseek", "gemini", "openai", "local")
    }

    assert {
        name: (cheap and cheap.name, quality and quality.name)
        for name, (cheap, quality) in defaults.items()
    } == {
        "anthropic": ("claude-haiku-5-5", "claude-sonnet-5-5"),
        "deepseek": ("deepseek-flash", "deepseek-v4-pro"),
        "gemini": ("gemini-3.1-flash-lite", "gemini-3.8-flash"),
        "openai": ("gpt-6-luna", "gpt-6-sol"),
        "local": ("rules-1", "rules-1"),
    }


def test_every_listed_model_has_a_price() -> None:
    models = catalogue.snapshot().models.values()

    assert [model.ref for model in models if model.card is None] == []
    assert catalogue.snapshot().models["local:rules-1"].card == RateCard.from_json(
        flat(Decimal(0), Decimal(0)).to_json()
    )
