"""What Helix's admin screens share: who sees what, changes recorded, history not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from core import changes
from core.http import UserRequest

if TYPE_CHECKING:
    from accounts.models import User

    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class VisibleAdmin(_ModelAdmin):
    """Shows each of staff what `visible_to` shows them: the admin has no other rule than pages.

    A superuser sees all rows; who that is holds the database anyway (`docs/decisions/0010`). A
    table without owners says so, or its missing `visible_to` fails here, loudly.
    """

    has_owners = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        if request.user.is_superuser or not self.has_owners:
            return cast("QuerySet[Any]", rows)
        return cast("QuerySet[Any]", rows.visible_to(request.user))


class AuditedAdmin(_ModelAdmin):
    """Records what was added, changed and deleted, with the values before and after."""

    def save_model(
        self,
        request: HttpRequest,
        obj: Model,
        form: ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_model(request, obj, form, change)
        names = form.changed_data
        self.record(
            request,
            obj,
            "changed" if change else "created",
            before={name: form.initial.get(name) for name in names} if change else None,
            after={name: told(form.cleaned_data.get(name)) for name in names},
        )

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        with transaction.atomic():
            self.record(request, obj, "deleted", before={"name": str(obj)})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)

    def owner_of(self, obj: Any) -> User | None:
        """Return in whose stream changes of `obj` belong; None: its owner's, else the actor's."""
        return None

    def record(
        self,
        request: HttpRequest,
        obj: Model,
        verb: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        changes.record(
            f"{obj._meta.model_name}.{verb}",
            target=obj,
            owner=self.owner_of(obj),
            by=cast("UserRequest", request).user,
            before=before,
            after=after,
        )


class ReadOnlyAdmin(VisibleAdmin):
    """Rows to look at: what happened is not edited, and what is derived is not typed in."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def told(value: Any) -> Any:
    """Return a form's value as an audit row tells it: rows by their names."""
    if isinstance(value, QuerySet):
        return [str(row) for row in value]
    return str(value) if isinstance(value, Model) else value
