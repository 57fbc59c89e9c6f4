"""What every owned table shares: an owner, and one statement of who sees its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models

from core.ids import uuid7

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

M = TypeVar("M", bound=models.Model, covariant=True)


class OwnedQuerySet(models.QuerySet[M]):
    """Rows with an owner. `visible_to` is the only statement of who sees what."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return the rows that `user` owns; nobody's role shows them another's.

        Only the admin shows a superuser more: see `core.modeladmin.VisibleAdmin`.
        """
        return self.filter(owner=user) if user.is_authenticated else self.none()


class OwnedModel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of its own: each table indexes its owner together with what is asked for.
    owner: models.ForeignKey[Any, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        abstract = True


class StoredSecret(models.Model):
    """A secret of the built-in store, sealed. Only `core.secrets.store` writes and opens it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner: models.ForeignKey[Any, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose it is; empty for the installation's own.",
    )
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField(help_text="Goes up by one each time it is replaced.")
    token = models.TextField(help_text="Owner, name, version and value, encrypted together.")
    key_id = models.CharField(max_length=16, help_text="Which master key sealed it.")
    fingerprint = models.CharField(max_length=16, help_text="Tells two values apart; keyed.")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[OwnedQuerySet[StoredSecret]] = OwnedQuerySet.as_manager()  # type: ignore[assignment]  # django-stubs types as_manager as a plain Manager

    class Meta:
        db_table = "stored_secrets"
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="stored_secret_of_owner"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(owner=None), name="stored_secret_of_nobody"
            ),
        ]

    def __str__(self) -> str:
        return self.name
