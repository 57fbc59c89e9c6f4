from __future__ import annotations

import pytest
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import DjangoAssertNumQueries

from core import vitals
from core.health import Level


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "_is_migrated", False)


@pytest.mark.django_db
def test_the_first_page_of_a_process_asks_once_whether_all_is_migrated(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        first, second = vitals.check_migrations(), vitals.check_migrations()

    assert first.level == second.level == Level.OK


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_red() -> None:
    MigrationRecorder.Migration.objects.filter(app="operations").delete()

    assert vitals.check_migrations().level == Level.RED
