from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from core.errors import DomainError
from preferences import services
from preferences.services import ThemeChoice

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_without_a_row_the_theme_follows_the_system(alice: User) -> None:
    assert services.theme_of(alice.pk) == ThemeChoice("auto", "blue")


@pytest.mark.parametrize("accent", ["graphite", "#3b82F6"])
def test_a_saved_theme_is_kept_and_audited(alice: User, accent: str) -> None:
    services.save_theme(owner=alice, changes={"theme": "dark"}, by=alice, now=NOW)
    services.save_theme(
        owner=alice, changes={"accent": accent, "is_compact": True}, by=alice, now=NOW
    )

    assert services.theme_of(alice.pk) == ThemeChoice("dark", accent, is_compact=True)
    assert AuditEvent.objects.filter(action="theme.saved").count() == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"theme": "pink"}, "theme must be one of light, dark, auto"),
        ({"theme": ["dark"]}, "theme must be one of light, dark, auto"),
        ({"accent": "#12345"}, "accent must be one of indigo"),
        ({"accent": "#12345g"}, "accent must be one of indigo"),
        ({"accent": "red; color"}, "accent must be one of indigo"),
        ({"is_compact": "on"}, "is_compact must be yes or no"),
        ({"size": "large"}, "“size” is not part of a theme"),
    ],
)
def test_a_bad_choice_names_the_field(alice: User, change: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError) as refusal:
        services.save_theme(owner=alice, changes=change, by=alice, now=NOW)

    assert words in str(refusal.value)
    assert services.theme_of(alice.pk) == ThemeChoice()
