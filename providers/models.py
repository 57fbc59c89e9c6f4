"""The catalogue: whom Helix may ask, which models they offer, and what those cost since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.core.validators import MinValueValidator
from django.db import models

from core.ids import uuid7
from core.models import M
from providers.pricing import RateCard

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

AT_LEAST_ONE = MinValueValidator(1, message="Enter 1 or more, or leave it empty for no limit.")


class CatalogueQuerySet(models.QuerySet[M]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return all rows to anyone signed in: the catalogue has no owner and holds no secret."""
        return self.all() if user.is_authenticated else self.none()


class Provider(models.Model):
    """Someone who answers prompts. The row holds a reference to the key, never the key."""

    class Kind(models.TextChoices):
        ANTHROPIC = "anthropic", "Anthropic"
        DEEPSEEK = "deepseek", "DeepSeek"
        GEMINI = "gemini", "Gemini"
        OPENAI = "openai", "OpenAI"
        COMPATIBLE = "compatible", "OpenAI-compatible"
        SIMULATED = "simulated", "Simulated"
        LOCAL = "local", "Local"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    kind = models.CharField(
        max_length=16, choices=Kind.choices, help_text="Which adapter speaks to it."
    )
    key_ref = models.CharField(
        "key reference",
        max_length=200,
        blank=True,
        help_text="Where the key is, such as env:OPENAI_API_KEY. Never the key itself.",
    )
    rank = models.PositiveSmallIntegerField(
        help_text="The order in which providers are tried where nobody chose one."
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[AT_LEAST_ONE], help_text="Empty means no limit of ours."
    )
    tokens_per_minute = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[AT_LEAST_ONE], help_text="Empty means no limit of ours."
    )

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        db_table = "providers"
        ordering = ["rank", "name"]

    def __str__(self) -> str:
        return self.label


class ProviderModel(models.Model):
    """A model of a provider. One that the provider withdrew is retired, never deleted."""

    class Tier(models.TextChoices):
        CHEAP = "cheap", "Cheap"
        QUALITY = "quality", "Quality"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=120, help_text="As the provider calls it.")
    label = models.CharField(max_length=120)
    tier = models.CharField(max_length=8, choices=Tier.choices)
    rank = models.PositiveSmallIntegerField(
        help_text="The first model of a tier is the provider's default for it."
    )
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    thinking_tokens = models.PositiveIntegerField(
        default=0,
        help_text="Room to add for thoughts, where the model cannot be told not to think.",
    )
    is_retired = models.BooleanField("retired", default=False)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        db_table = "provider_models"
        ordering = ["provider__rank", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="provider_models_name_once")
        ]

    def __str__(self) -> str:
        return self.label


class ModelPrice(models.Model):
    """One version of a model's prices. A changed price is a new row; this one stays as it was."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(ProviderModel, on_delete=models.PROTECT, related_name="prices")
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=200)
    rates = models.JSONField(help_text="USD per million tokens, as RateCard.to_json writes it.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        db_table = "model_prices"
        ordering = ["model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "valid_from"], name="model_prices_one_version_a_moment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from:%Y-%m-%d %H:%M} UTC"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A price is never edited: add a version with a later valid_from.")
        super().save(*args, **kwargs)

    @property
    def card(self) -> RateCard:
        return RateCard.from_json(self.rates)
