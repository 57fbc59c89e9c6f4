"""Two guards of one door: nobody sees another's rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from accounts.models import User
from core.ids import uuid7
from tests.builders import rows_with_pages


def views_files() -> list[Path]:
    root = Path(settings.BASE_DIR)
    apps = [path.parent for path in root.glob("*/apps.py")]
    return sorted(
        file for app in apps for file in [*app.glob("views*.py"), *app.glob("views/**/*.py")]
    )


def unguarded(source: str) -> list[int]:
    """Return the lines where `.objects` is not followed by `.visible_to`."""
    tree = ast.parse(source)
    guarded = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "visible_to"
    }
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "objects" and id(node) not in guarded
    )


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("Run.objects.visible_to(request.user).stalled(now)", []),
        ("Run.objects.all()", [1]),
        ("x = 1\nget_object_or_404(Run.objects, pk=pk)", [2]),
        ("Run.objects.filter(pk=pk).visible_to(request.user)", [1]),
        ("(Run\n .objects\n .visible_to(user))", []),
    ],
)
def test_the_guard_tells_a_guarded_query_from_another(source: str, lines: list[int]) -> None:
    assert unguarded(source) == lines


def test_views_reach_rows_through_visible_to_only() -> None:
    assert len(views_files()) >= 2  # or the guard looks in the wrong place

    found = {
        f"{file.relative_to(settings.BASE_DIR)}:{line}"
        for file in views_files()
        for line in unguarded(file.read_text())
    }

    assert found == set()


def addresses(
    patterns: list[URLPattern | URLResolver] | None = None, names: tuple[str, ...] = ()
) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Yield (name, arguments) of every address that takes an argument, the admin's aside."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        taken = (*names, *entry.pattern.regex.groupindex)
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                yield from addresses(entry.url_patterns, taken)
        elif taken:
            yield entry.name, taken


def find_leaks(client: Client, rows: dict[str, Model]) -> list[str]:
    """Return the addresses at which `client` finds something, or that no row was named for."""
    leaks = []
    for name, arguments in addresses():
        if name is None or name not in rows:
            leaks.append(f"Add a row of alice's for “{name}” to rows_with_pages().")
            continue
        for key in (rows[name].pk, uuid7()):
            address = reverse(name, kwargs=dict.fromkeys(arguments, key))
            answers = [client.get(address), client.post(address)]
            leaks += [
                f"{address}: {answer.status_code}"
                for answer in answers
                if answer.status_code not in {404, 405}
            ]
    return leaks


@pytest.mark.django_db
def test_a_stranger_finds_nothing_at_any_address_with_an_id(alice: User, as_bob: Client) -> None:
    assert get_resolver().url_patterns

    assert find_leaks(as_bob, rows_with_pages(alice)) == []


def show_anybody(request: HttpRequest, pk: UUID) -> HttpResponse:
    return HttpResponse(f"Secrets of {pk}")


urlpatterns = [path("people/<uuid:pk>/", show_anybody, name="show_person")]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_the_walk_finds_a_page_that_anybody_may_open(alice: User, as_bob: Client) -> None:
    leaks = find_leaks(as_bob, {"show_person": alice})

    assert f"/people/{alice.pk}/: 200" in leaks


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_the_walk_asks_for_a_row_it_does_not_have(as_bob: Client) -> None:
    assert "show_person" in find_leaks(as_bob, {})[0]
