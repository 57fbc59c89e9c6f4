"""What every owned table shares: an owner, and one statement of who sees its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

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
        """Return the rows that `user` owns; nobody's role shows them another's."""
        return self.filter(owner=user) if user.is_authenticated else self.none()


class OwnedModel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner: models.ForeignKey[Any, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        abstract = True
