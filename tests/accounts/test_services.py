from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts import services
from accounts.models import User
from audit.models import AuditDetail, AuditEvent

pytestmark = pytest.mark.django_db


def test_the_first_user_is_a_superuser_with_a_password_to_show_once() -> None:
    login = services.create_first_user("admin")

    assert login.password is not None
    assert login.user.check_password(login.password.reveal())
    assert login.user.is_superuser
    assert login.user.is_staff
    assert login.user.role == User.Role.STAFF


def test_a_given_password_is_not_shown() -> None:
    login = services.create_first_user("admin", "given-by-the-operator")

    assert login.password is None
    assert login.user.check_password("given-by-the-operator")


def test_a_second_start_changes_nothing() -> None:
    first = services.create_first_user("admin")
    again = services.create_first_user("root", "another-password")

    assert (again.user, again.password) == (first.user, None)
    assert User.objects.count() == 1


def test_a_name_that_is_taken_is_refused(alice: User) -> None:
    with pytest.raises(services.NameTaken, match="alice"):
        services.create_first_user("alice")


def test_a_user_has_role_and_zone() -> None:
    user = services.create_user("carol", role=User.Role.VIEWER, zone="Europe/Berlin", by=None).user

    assert (user.role, user.zone, user.is_staff) == ("viewer", "Europe/Berlin", False)


@pytest.mark.parametrize(
    ("field", "value"), [("zone", "Mars/Olympus"), ("role", "king"), ("password", "12345678")]
)
def test_an_invalid_field_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        services.create_user("carol", by=None, **{field: value})

    assert field in str(refused.value)


def test_a_new_password_replaces_the_old(alice: User) -> None:
    login = services.set_password(alice, by=alice)

    alice.refresh_from_db()
    assert login.password is not None
    assert alice.check_password(login.password.reveal())


def test_changes_of_people_are_recorded_without_their_passwords(alice: User) -> None:
    services.create_user("carol", by=alice, password="canary-4711-value")
    services.set_password(alice, by=alice, password="canary-4711-other")

    assert set(AuditEvent.objects.values_list("action", flat=True)) == {
        "user.created",
        "user.password_changed",
    }
    assert not any("canary" in text for text in AuditDetail.objects.values_list("text", flat=True))


def test_an_unknown_user_is_refused_with_the_way_to_find_one() -> None:
    with pytest.raises(services.UnknownUser, match="users list"):
        services.find_user("nobody")
