"""Two guards of one door: nobody sees another's rows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from accounts.models import SignInAttempts, User
from audit.models import AuditEvent
from core import live
from core.ids import uuid7
from core.modeladmin import VisibleAdmin
from jobs.models import JobRun, JobStamp
from operations.models import EngineWorker, ProviderState, Run
from providers.models import ModelPrice, Provider, ProviderModel
from scheduling.models import Schedule
from tests.builders import make_run, make_user, rows_of, rows_with_pages
from tests.conftest import signed_in


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


# Where deliveries come in nobody is signed in, and whoever cannot sign hears the same everywhere:
# tests/scheduling/test_webhooks/test_intake.py.
BY_SIGNATURE = {"receive_webhook", "receive_webhook_bare"}


def find_leaks(client: Client, rows: dict[str, Model]) -> list[str]:
    """Return the addresses at which `client` finds something, or that no row was named for."""
    leaks = []
    for name, arguments in addresses():
        if name in BY_SIGNATURE:
            continue
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
    leaks = find_leaks(as_bob, rows_with_pages(alice))
    visited = [admin_address(row, page) for row in rows_of(alice) for page in LIST_AND_PAGES]
    for address in visited:
        answers = (as_bob.get(address, follow=True), as_bob.post(address, follow=True))
        leaks += [f"{address}: {each.status_code}" for each in answers if each.status_code != 403]

    assert leaks == []
    assert len(visited) >= 4 * 14  # pages of our own come with the next release


def part_for(reader: User, name: str, pk: object) -> str:
    """Return the live part `name` of the row `pk` as `reader` gets it; "" where there is none."""
    (part,) = live.parse_parts([f"{name}?id={pk}"]).values()
    try:
        return part.region.render(reader, part.query)
    except Http404:
        return ""


@pytest.mark.django_db
def test_no_live_part_tells_a_stranger_anything(alice: User, bob: User, sam: User) -> None:
    rows = rows_with_pages(alice)
    Schedule.objects.filter(owner=alice).update(name="Alice's own")
    failed = make_run(alice, status=Run.Status.FAILED, error="Alice's own")
    keys = {failed.pk, *(row.pk for row in rows.values())}
    names = live.names()

    def tellers(reader: User) -> set[str]:
        return {
            name
            for name in names
            for key in keys
            if "Alice&#x27;s own" in part_for(reader, name, key)
        }

    assert {"runs", "run", "schedules", "overview"} <= tellers(alice)  # or it looks for nothing
    assert tellers(bob) == tellers(sam) == set()


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


# Tables that belong to nobody, or to everybody who may open the admin at all.
OF_NOBODY = {Provider, ProviderModel, ModelPrice, JobRun, JobStamp}
OF_NOBODY |= {EngineWorker, ProviderState, SignInAttempts}
PAGES = ("change", "delete", "history")
LIST_AND_PAGES = ("changelist", *PAGES)


def admin_address(row: Model, page: str) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name, args=[] if page == "changelist" else [row.pk])


def is_listed(client: Client, row: Model) -> bool:
    response = client.get(admin_address(row, "changelist"))
    return bool(response.context["cl"].queryset.filter(pk=row.pk).exists())


def test_every_admin_of_rows_with_owners_is_walked(alice: User) -> None:
    walked = {type(row) for row in rows_of(alice)}

    assert walked == set(admin.site._registry) - OF_NOBODY - {User}
    for model in walked | OF_NOBODY:
        model_admin = admin.site._registry[model]
        assert isinstance(model_admin, VisibleAdmin)
        assert model_admin.has_owners or model in OF_NOBODY


def test_staff_finds_no_row_of_another_in_the_admin(alice: User, as_sam: Client) -> None:
    rows = rows_of(alice)

    leaks = [f"list of {row._meta.label}" for row in rows if is_listed(as_sam, row)]
    visited = [admin_address(row, page) for row in rows for page in PAGES]
    for address in visited:
        for answer in (as_sam.get(address), as_sam.post(address, {"post": "yes"})):
            is_away = answer.status_code == 302 and answer["Location"] == reverse("admin:index")
            if not is_away and answer.status_code != 403:  # nobody deletes, nobody changes
                leaks.append(f"{address}: {answer.status_code}")

    assert leaks == []
    assert len(visited) >= 3 * 14
    assert all(type(row)._default_manager.filter(pk=row.pk).exists() for row in rows)


def test_staff_acts_on_no_row_of_another_in_the_admin(alice: User, as_sam: Client) -> None:
    schedule = Schedule.objects.create(
        owner=alice, name="By hand", operation="task-breakdown", type="manual", zone="UTC"
    )

    chosen = {"action": "pause", "_selected_action": str(schedule.pk)}
    as_sam.post(admin_address(schedule, "changelist"), chosen)

    schedule.refresh_from_db()
    assert schedule.enabled
    assert not AuditEvent.objects.exists()


def test_staff_is_not_sent_on_to_a_row_of_another(alice: User, as_sam: Client) -> None:
    for row in rows_of(alice):
        kind = ContentType.objects.get_for_model(row)
        response = as_sam.get(reverse("admin:view_on_site", args=[kind.pk, row.pk]))
        assert response.status_code == 404


def test_staff_finds_its_own_rows_in_the_admin(sam: User, as_sam: Client) -> None:
    for row in rows_of(sam):
        assert is_listed(as_sam, row)
        assert as_sam.get(admin_address(row, "change")).status_code == 200


def test_a_superuser_finds_every_row_in_the_admin(alice: User) -> None:
    as_root = signed_in(make_user("root", role=User.Role.STAFF, is_superuser=True))

    for row in rows_of(alice):
        assert is_listed(as_root, row)
        assert as_root.get(admin_address(row, "change")).status_code == 200
