from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.models import SignInAttempts, User
from core.modeladmin import AuditedAdmin, ReadOnlyAdmin

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin

PERSON = ("username", "first_name", "last_name", "email", "role", "zone", "is_active")
POWERS = ("is_superuser", "user_permissions")

# Roles say who may do what. A group would be a second answer, changed outside the audit log.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(AuditedAdmin, _UserAdmin):
    """People. Staff may add and change them, but not make or touch a superuser."""

    list_display = ["username", "email", "role", "zone", "is_active", "is_superuser", "last_login"]
    list_filter = ["role", "is_active", "is_superuser"]
    search_fields = ["username", "email", "first_name", "last_name"]
    ordering = ["username"]
    fieldsets = [
        (None, {"fields": ("password", *PERSON)}),
        ("Powers", {"fields": POWERS}),
        ("Moments", {"fields": ("last_login", "date_joined")}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "password1", "password2", "role", "zone"),
            },
        )
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        shown = ("last_login", "date_joined")
        return shown if request.user.is_superuser else (*shown, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not is_out_of_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # their runs and records stay; take away `is_active` instead

    def owner_of(self, obj: User) -> User:
        return obj

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's name
        form_url: str = "",
    ) -> HttpResponse:
        # Who sets somebody's password can sign in as them, and see their rows.
        if not request.user.is_superuser and str(request.user.pk) != id:
            raise PermissionDenied
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        match = request.resolver_match
        if match is not None and match.url_name == "auth_user_password_change":
            self.record(request, obj, "password_changed")
        return super().log_change(request, obj, message)


@admin.register(SignInAttempts)
class SignInAttemptsAdmin(ReadOnlyAdmin):
    has_owners = False
    list_display = ["key", "count", "since"]
    search_fields = ["key"]


def is_out_of_reach(request: HttpRequest, user: User | None) -> bool:
    return user is not None and user.is_superuser and not request.user.is_superuser
