from __future__ import annotations

from typing import ClassVar

from django.db import models

from core.models import OwnedModel, OwnedQuerySet
from core.money import UsdField


class OperationPreference(OwnedModel):
    """What a person chose for one operation; no row means the defaults."""

    operation = models.CharField(max_length=64)
    enabled = models.BooleanField(default=True)
    model = models.CharField(
        max_length=128, blank=True, default="", help_text="provider:model; empty lets Helix choose."
    )
    fallbacks = models.JSONField(
        null=True,
        blank=True,
        help_text="Models to ask next, in this order; null is Helix's own order, [] is none.",
    )
    allow_local = models.BooleanField(
        null=True,
        blank=True,
        help_text="May the built-in rules answer when no model can? Empty: Helix decides.",
    )
    parameters = models.JSONField(
        default=dict, blank=True, help_text="Parameters that a run takes where it states none."
    )
    monthly_budget_usd = UsdField(
        null=True, blank=True, help_text="The gate refuses what passes it; empty is no limit."
    )
    updated_at = models.DateTimeField()

    objects: ClassVar[OwnedQuerySet[OperationPreference]] = OwnedQuerySet.as_manager()  # type: ignore[assignment]  # django-stubs types as_manager as a plain Manager

    class Meta:
        db_table = "user_operation_preferences"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "operation"], name="one_preference_per_operation"
            ),
            models.CheckConstraint(
                condition=models.Q(monthly_budget_usd__isnull=True)
                | models.Q(monthly_budget_usd__gte=0),
                name="preference_budget_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.operation


class ThemePreference(OwnedModel):
    """How the pages look to one person."""

    class Theme(models.TextChoices):
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"
        AUTO = "auto", "As the system"

    class Accent(models.TextChoices):
        INDIGO = "indigo"
        VIOLET = "violet"
        BLUE = "blue"
        CYAN = "cyan"
        TEAL = "teal"
        GREEN = "green"
        AMBER = "amber"
        ORANGE = "orange"
        ROSE = "rose"
        GRAPHITE = "graphite"

    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.AUTO)
    accent = models.CharField(
        max_length=16, default=Accent.BLUE, help_text="One of the ten names, or #rrggbb."
    )
    is_compact = models.BooleanField("compact", default=False)
    is_sidebar_folded = models.BooleanField("sidebar folded", default=False)
    is_checklist_hidden = models.BooleanField("first steps hidden", default=False)
    updated_at = models.DateTimeField()

    objects: ClassVar[OwnedQuerySet[ThemePreference]] = OwnedQuerySet.as_manager()  # type: ignore[assignment]  # django-stubs types as_manager as a plain Manager

    class Meta:
        db_table = "ui_theme_preferences"
        constraints = [models.UniqueConstraint(fields=["owner"], name="one_theme_per_owner")]

    def __str__(self) -> str:
        return self.theme
