"""The admin as a whole: every model, searchable, closed to everybody but staff."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.backends import our_apps
from accounts.models import User
from audit import services as audit
from audit.models import AuditDetail, AuditEvent
from tests.builders import PASSWORD, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

OURS = [model for model in apps.get_models() if model._meta.app_label in our_apps()]
INLINE = re.compile(
    r"\sstyle=|<style|\son\w+=|<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>"
)


def name_of(model: Any) -> str:
    return str(model._meta.label)


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", role=User.Role.STAFF, is_superuser=True)


@pytest.fixture
def as_root(root: User) -> Client:
    return signed_in(root)


@pytest.mark.parametrize("model", OURS, ids=name_of)
def test_every_model_is_in_the_admin_and_searchable(model: type[Model]) -> None:
    assert admin.site.is_registered(model)
    assert admin.site._registry[model].search_fields


@pytest.mark.parametrize("model", admin.site._registry, ids=name_of)
def test_every_list_answers_and_searches(as_root: Client, model: type[Model]) -> None:
    for query in ("", "?q=4711", "?q=01930000-0000-7000-8000-000000000000"):
        response = as_root.get(address(model, "changelist") + query)
        assert response.status_code == 200


@pytest.mark.parametrize("model", admin.site._registry, ids=name_of)
def test_every_form_answers_or_is_refused_on_purpose(
    as_root: Client, root: User, model: type[Model]
) -> None:
    request = RequestFactory().get("/")
    request.user = root
    may_add = admin.site._registry[model].has_add_permission(request)

    assert as_root.get(address(model, "add")).status_code == (200 if may_add else 403)


@pytest.mark.parametrize("model", admin.site._registry, ids=name_of)
def test_every_row_there_is_has_a_page(as_root: Client, root: User, model: type[Model]) -> None:
    audit.record("thing.made", target="thing:1", by=root, after={"name": "x"})

    for row in model._default_manager.all()[:3]:
        assert as_root.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", admin.site._registry, ids=name_of)
def test_no_admin_page_is_for_users(as_alice: Client, model: type[Model]) -> None:
    for page in ("changelist", "add"):
        response = as_alice.get(address(model, page), follow=True)
        assert response.status_code == 403


@pytest.mark.parametrize("model", admin.site._registry, ids=name_of)
def test_no_admin_page_needs_inline_code(as_root: Client, model: type[Model]) -> None:
    for page in ("changelist", "add"):
        found = INLINE.search(as_root.get(address(model, page)).content.decode())
        assert found is None, found


def test_the_admin_has_our_models_only(as_sam: Client) -> None:
    assert as_sam.get(address(User, "changelist")).status_code == 200
    assert {model._meta.app_label for model in admin.site._registry} <= our_apps()


def test_permissions_given_in_the_admin_are_recorded(as_root: Client, sam: User) -> None:
    permission = Permission.objects.get(codename="change_permission")

    response = as_root.post(
        address(User, "change", sam.pk), form(sam, user_permissions=[permission.pk])
    )

    assert response.status_code == 302
    event = AuditEvent.objects.get(action="user.changed")
    assert json.loads(event.detail.text)["after"] == {"user_permissions": [str(permission)]}


def form(user: User, **changes: object) -> dict[str, object]:
    return {
        "username": user.username,
        "role": user.role,
        "zone": user.zone,
        "is_active": "on",
        **changes,
    }


def test_staff_changes_a_person_and_it_is_recorded(as_sam: Client, alice: User, sam: User) -> None:
    response = as_sam.post(address(User, "change", alice.pk), form(alice, zone="Europe/Berlin"))

    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.zone == "Europe/Berlin"
    event = AuditEvent.objects.get(action="user.changed")
    assert (event.actor, event.target) == (sam, f"accounts.user:{alice.pk}")
    assert json.loads(event.detail.text) == {
        "before": {"zone": "UTC"},
        "after": {"zone": "Europe/Berlin"},
    }


def test_staff_cannot_make_itself_a_superuser(as_sam: Client, sam: User) -> None:
    as_sam.post(
        address(User, "change", sam.pk), form(sam, is_superuser="on", user_permissions=["1"])
    )

    sam.refresh_from_db()
    assert not sam.is_superuser
    assert not sam.user_permissions.exists()


@pytest.mark.parametrize("page", ["change", "delete"])
def test_staff_cannot_touch_a_superuser(as_sam: Client, root: User, page: str) -> None:
    assert (
        as_sam.post(address(User, page, root.pk), form(root, zone="Asia/Tokyo")).status_code == 403
    )


def test_staff_cannot_set_a_superusers_password(as_sam: Client, root: User) -> None:
    data = {
        "password1": "correct-horse-2",
        "password2": "correct-horse-2",
        "usable_password": "true",
    }
    response = as_sam.post(reverse("admin:auth_user_password_change", args=[root.pk]), data)

    assert response.status_code == 403


def test_a_password_set_in_the_admin_is_recorded_and_not_shown(
    as_root: Client, alice: User
) -> None:
    word = "canary-4711-value"
    data = {"password1": word, "password2": word, "usable_password": "true"}
    as_root.post(reverse("admin:auth_user_password_change", args=[alice.pk]), data)

    alice.refresh_from_db()
    assert alice.check_password(word)
    assert AuditEvent.objects.filter(action="user.password_changed").count() == 1
    assert not any(word in text for text in AuditDetail.objects.values_list("text", flat=True))


def test_ones_own_password_changed_in_the_admin_is_recorded(as_sam: Client, sam: User) -> None:
    word = "canary-4711-value"
    data = {"old_password": PASSWORD, "new_password1": word, "new_password2": word}
    response = as_sam.post(reverse("admin:password_change"), data, follow=True)

    assert response.status_code == 200
    sam.refresh_from_db()
    assert sam.check_password(word)
    event = AuditEvent.objects.get(action="user.password_changed")
    assert (event.actor, event.stream) == (sam, str(sam.pk))


def test_the_page_to_change_ones_own_password_is_staffs(as_sam: Client, as_alice: Client) -> None:
    address = reverse("admin:password_change")

    assert as_sam.get(address).status_code == 200
    assert as_alice.get(address, follow=True).status_code == 403


def test_a_person_added_in_the_admin_is_recorded_without_a_password(as_sam: Client) -> None:
    word = "canary-4711-value"
    data = {"username": "carol", "password1": word, "password2": word, "usable_password": "true"}
    as_sam.post(address(User, "add"), {**data, "role": "user", "zone": "UTC"})

    assert User.objects.get(username="carol").check_password(word)
    assert AuditEvent.objects.filter(action="user.created").count() == 1
    assert not any(word in text for text in AuditDetail.objects.values_list("text", flat=True))


def test_the_audit_log_is_read_only(as_root: Client, root: User) -> None:
    event = audit.record("thing.made", target="thing:1", by=root)

    assert as_root.post(address(AuditEvent, "change", event.pk), {"action": "x"}).status_code == 403
    assert as_root.post(address(AuditEvent, "delete", event.pk), {"post": "yes"}).status_code == 403
    model_admin: ModelAdmin[Any] = admin.site._registry[AuditEvent]
    assert not model_admin.has_add_permission(as_root.get("/admin/").wsgi_request)


def test_staff_cannot_set_another_persons_password(as_sam: Client, alice: User, sam: User) -> None:
    new = {"password1": "a-new-long-password", "password2": "a-new-long-password"}

    refused = as_sam.post(f"/admin/accounts/user/{alice.pk}/password/", new)
    own = as_sam.get(f"/admin/accounts/user/{sam.pk}/password/")

    alice.refresh_from_db()
    assert refused.status_code == 403
    assert not alice.check_password("a-new-long-password")
    assert own.status_code == 200
