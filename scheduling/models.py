"""Schedules and what became of each of their expected fires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat, Left, Now
from django.urls import reverse

from accounts.models import validate_zone
from core.errors import DomainError
from core.ids import uuid7
from core.models import OwnedModel, OwnedQuerySet
from core.secrets import Secret
from operations import registry, validation
from operations.models import Run
from preferences import services as preferences
from preferences.models import OperationPreference
from scheduling import cadence
from scheduling.cadence import InvalidCron
from scheduling.zones import tz_version

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

RECENT = 20  # fires that say how a schedule does
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
INTERVALS_CHECKED = 100  # coming fires; further out the pattern has shown itself
LONGEST_REFUSAL = 300  # letters of it that a list tells

# What the system says where it pauses a schedule, and where it starts no run: rows are found by it.
NO_FURTHER_FIRE = "It has no further fire in the coming years."
NOT_COMPUTED = "Its next fire cannot be computed: "
OPERATION_OFF = " is off in the preferences."

# Of schedules read `with_outcome`: the one rule for badges, filters, counts and the overview.
FAILING = Q(enabled=True, outcome=Run.Status.FAILED)
REFUSED = Q(enabled=True, outcome=Run.Status.SKIPPED)
SWITCHED_OFF = Q(enabled=True, is_switched_off=True)
PAUSED_BY_SYSTEM = Q(enabled=False) & (
    Q(pause_reason=NO_FURTHER_FIRE) | Q(pause_reason__startswith=NOT_COMPUTED)
)

REPLAY_WINDOW_S = 300  # what the Standard Webhooks specification and Stripe's libraries use
LONGEST_WINDOW_S = 86_400
LONGEST_MESSAGE_ID = 200
LONGEST_SIGNATURE = 20  # kept of each: enough to recognise it, too little to use it


class ScheduleQuerySet(OwnedQuerySet["Schedule"]):
    def current(self) -> Self:
        return self.filter(archived_at__isnull=True)

    def planned(self) -> Self:
        return self.filter(enabled=True, next_execution_at__isnull=False)

    def expecting_runs(self) -> Self:
        """Return those whose next fire will start a run: of an operation that is not off."""
        return self.planned().exclude(_switched_off())

    def due(self, now: datetime) -> Self:
        return self.planned().filter(next_execution_at__lte=now)

    def outdated(self) -> Self:
        """Return those whose next fire was computed by other rules for clocks than ours."""
        return self.planned().exclude(tz_version=tz_version())

    def with_recent_since(self) -> Self:
        """Add `recent_since`: from when on the last 20 fires are."""
        return self.annotate(recent_since=_recent_since(OuterRef("pk")))

    def with_outcome(self) -> Self:
        """Add how schedules do, and whether their operation `is_switched_off` now.

        `outcome` is how the latest of the last 20 fires that came to an end did, or None: success,
        failed, or skipped where it was refused, for the reason in `refusal`. Fires that were missed
        or met a run under way say nothing, nor does what a person cancelled. Each row costs a few
        looks into the index of executions, however long its history is.
        """
        refused = Q(run__status=Run.Status.SKIPPED) | Q(run=None, reason__endswith=OPERATION_OFF)
        ended = Execution.objects.filter(
            refused | Q(run__status__in=[Run.Status.SUCCESS, Run.Status.FAILED]),
            schedule=OuterRef("pk"),
            expected_at__gte=_recent_since(OuterRef(OuterRef("pk"))),
        ).order_by("-expected_at")
        status = Coalesce("run__status", Value(Execution.SKIPPED))
        text = models.TextField()
        run_reason = Coalesce("run__reason", Value(""), output_field=text)
        why = Left(Concat("reason", run_reason, output_field=text), LONGEST_REFUSAL)
        return self.annotate(
            outcome=Subquery(ended.values_list(status)[:1]),
            refusal=Subquery(ended.values_list(why)[:1]),
            is_switched_off=_switched_off(),
        )

    def failing(self) -> Self:
        """Return those that are on and whose latest run to end, ended in failure."""
        return self.with_outcome().filter(FAILING)


def _switched_off() -> Exists:
    """Say whether the owner has switched the operation off: then no fire starts a run."""
    return Exists(
        OperationPreference.objects.filter(
            owner=OuterRef("owner"), operation=OuterRef("operation"), enabled=False
        )
    )


def _recent_since(schedule: OuterRef) -> Coalesce:
    newest = Execution.objects.filter(schedule=schedule).order_by("-expected_at")
    return Coalesce(Subquery(newest.values("expected_at")[RECENT - 1 : RECENT]), Value(_LONG_AGO))


class Schedule(OwnedModel):
    """When an operation is to be run again and again, or at the push of a button."""

    class Type(models.TextChoices):
        CRON = "cron", "Cron"
        WEBHOOK = "webhook", "Webhook"
        MANUAL = "manual", "By hand"

    class Gap(models.TextChoices):
        """What becomes of a fixed time that the clocks leave out."""

        FIRST_VALID = "first_valid", "At the first valid moment"
        SKIP = "skip", "Not at all"

    class Overlap(models.TextChoices):
        """What becomes of a fixed time that the clocks show twice."""

        FIRST = "first", "Once, at the first"
        BOTH = "both", "Both times"

    class Dialect(models.TextChoices):
        """How the sender of a webhook signs it."""

        STANDARD = "standard", "Standard Webhooks"
        HEX = "hex", "X-Webhook-Signature"
        GITHUB = "github", "GitHub"
        STRIPE = "stripe", "Stripe"

        @property
        def is_replayable(self) -> bool:
            """Say whether a delivery that was overheard may be sent again for as long as it likes.

            Neither signs a time: only the memory of what was delivered keeps a second one away.
            """
            return self.value in {"hex", "github"}

    new_secret: Secret | None = None  # in memory, of whoever made or rotated it: shown this once

    name = models.CharField(max_length=120)
    operation = models.CharField(max_length=64)
    type = models.CharField(max_length=16, choices=Type.choices)
    expression = models.CharField(
        max_length=cadence.LONGEST_EXPRESSION,
        blank=True,
        default="",
        help_text="minute, hour, day of month, month, day of week: “0 6 * * MON-FRI”; or @daily.",
    )
    zone = models.CharField(
        "time zone",
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text="IANA name; the expression is read by its clocks.",
    )
    gap = models.CharField(
        "when clocks go forward", max_length=16, choices=Gap.choices, default=Gap.FIRST_VALID
    )
    overlap = models.CharField(
        "when clocks go back", max_length=16, choices=Overlap.choices, default=Overlap.FIRST
    )
    parameters = models.JSONField(default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text="1 to 10; 10 runs first.",
    )
    created_at = models.DateTimeField(db_default=Now())

    enabled = models.BooleanField(default=True)
    pause_reason = models.TextField(blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)

    # The one truth about what is due: the first fire after `counted_from`, by that tz database.
    next_execution_at = models.DateTimeField(null=True, blank=True)
    counted_from = models.DateTimeField(null=True, blank=True)
    tz_version = models.CharField(max_length=16, blank=True, default="")

    last_execution_at = models.DateTimeField(null=True, blank=True)
    execution_count = models.PositiveIntegerField(default=0)
    running_execution: models.ForeignKey[Any, Execution | None] = models.ForeignKey(
        "Execution",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # a partial one is below: every index here is written at every fire
    )
    running_since = models.DateTimeField(null=True, blank=True)

    # Of a webhook: references to its secrets, never the secrets. The old one holds until its end.
    dialect = models.CharField(
        max_length=16, choices=Dialect.choices, blank=True, default="", db_default=""
    )
    replay_window_s = models.PositiveIntegerField(
        "replay window",
        default=REPLAY_WINDOW_S,
        db_default=REPLAY_WINDOW_S,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WINDOW_S)],
        help_text="Seconds that the time in a signature may be off, where the dialect has one.",
    )
    secret_ref = models.CharField(max_length=255, blank=True, default="", db_default="")
    secret_fingerprint = models.CharField(max_length=16, blank=True, default="", db_default="")
    secret_created_at = models.DateTimeField(null=True, blank=True)
    old_secret_ref = models.CharField(max_length=255, blank=True, default="", db_default="")
    old_secret_until = models.DateTimeField(null=True, blank=True)
    old_secret_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ScheduleQuerySet] = ScheduleQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "operation_schedules"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="schedule_cron_has_expression",
                condition=(Q(type="cron") & ~Q(expression=""))
                | (~Q(type="cron") & Q(expression="")),
            ),
            models.CheckConstraint(
                name="schedule_enabled_cron_has_next",
                condition=Q(enabled=True, type="cron", next_execution_at__isnull=False)
                | (~Q(enabled=True, type="cron") & Q(next_execution_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="schedule_next_is_counted",
                condition=Q(next_execution_at__isnull=True)
                | Q(counted_from__lt=models.F("next_execution_at")),
            ),
            models.CheckConstraint(
                name="schedule_pause_has_reason",
                condition=Q(enabled=True, pause_reason="")
                | (Q(enabled=False) & ~Q(pause_reason="")),
            ),
            models.CheckConstraint(
                name="schedule_archived_is_off",
                condition=Q(archived_at__isnull=True) | Q(enabled=False),
            ),
            models.CheckConstraint(
                name="schedule_running_since",
                condition=Q(running_execution__isnull=True, running_since__isnull=True)
                | Q(running_execution__isnull=False, running_since__isnull=False),
            ),
            models.CheckConstraint(
                name="schedule_priority_1_to_10", condition=Q(priority__gte=1, priority__lte=10)
            ),
            models.CheckConstraint(
                name="schedule_clock_choices",
                condition=Q(gap__in=["first_valid", "skip"], overlap__in=["first", "both"]),
            ),
            models.CheckConstraint(
                name="schedule_webhook_has_dialect",
                condition=(Q(type="webhook") & ~Q(dialect=""))
                | (~Q(type="webhook") & Q(dialect="", secret_ref="")),
            ),
            models.CheckConstraint(
                name="schedule_old_secret_has_end",
                condition=Q(old_secret_ref="", old_secret_until__isnull=True)
                | (~Q(old_secret_ref="") & Q(old_secret_until__isnull=False)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-id"], name="schedule_owner_newest"),
            models.Index(
                fields=["next_execution_at"],
                name="schedule_due",
                condition=Q(enabled=True, next_execution_at__isnull=False),
            ),
            models.Index(
                fields=["running_execution"],
                name="schedule_running",
                condition=Q(running_execution__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    @property
    def webhook_path(self) -> str:
        """Return where deliveries go; "" for a schedule without a webhook."""
        if self.type != self.Type.WEBHOOK:
            return ""
        return reverse("receive_webhook", args=[self.pk])

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first fire later than `moment`. Raises `InvalidCron`."""
        return cadence.next_after(
            self.expression,
            self.zone,
            moment,
            gap=self.gap,  # type: ignore[arg-type]  # a choice of the field
            overlap=self.overlap,  # type: ignore[arg-type]
        )

    def plan(self, now: datetime) -> None:
        """Set the next fire, counted from `now`, in memory; none for what does not fire by itself.

        Raises `ValidationError` where there is none to come.
        """
        self.next_execution_at = self.counted_from = None
        self.tz_version = ""
        if not self.enabled or self.type != self.Type.CRON:
            return
        try:
            self.next_execution_at = self.next_after(now)
        except InvalidCron as refusal:
            raise ValidationError({"expression": str(refusal)}) from refusal
        if self.next_execution_at is None:
            raise ValidationError(
                {
                    "expression": f"“{self.expression}” does not fire within "
                    f"{cadence.HORIZON_YEARS} years; choose a day that comes sooner."
                }
            )
        self.counted_from = now
        self.tz_version = tz_version()

    def clean(self) -> None:
        """Normalise the expression; check what no single field can."""
        problems: dict[str, str] = {}
        if self.type == self.Type.WEBHOOK and not self.dialect:
            problems["dialect"] = (
                f"A webhook needs one of {', '.join(self.Dialect.values)}: how its sender signs."
            )
        elif self.type != self.Type.WEBHOOK and self.dialect:
            problems["dialect"] = "Only a webhook has a dialect; leave it out."
        if self.type == self.Type.CRON:
            try:
                self.expression = cadence.normalise(self.expression)
            except InvalidCron as refusal:
                problems["expression"] = str(refusal)
        elif self.expression:
            problems["expression"] = "Only a cron schedule has an expression; leave it out."
        try:
            self._check_parameters()
        except registry.UnknownOperation as refusal:
            problems["operation"] = str(refusal)
        except DomainError as refusal:
            problems["parameters"] = str(refusal)
        if problems:
            raise ValidationError(problems)

    def _check_parameters(self) -> None:
        """Check the parameters in the company of the owner's defaults, as a run will have them.

        Those of a webhook may leave out what its payload brings: the example stands in for it.
        """
        definition = registry.get(self.operation)
        if not isinstance(self.parameters, dict):
            raise DomainError("must be an object, {…}.")
        defaults = preferences.lookup(self.owner_id, self.operation).parameters
        stand_in = definition.example or {} if self.type == self.Type.WEBHOOK else {}
        validation.parse(definition, {**stand_in, **defaults, **self.parameters})

    def check_interval(self, now: datetime) -> None:
        """Refuse an expression whose coming fires are closer together than the setting allows."""
        if self.type != self.Type.CRON:
            return
        fires = cadence.upcoming(
            self.expression,
            self.zone,
            now,
            INTERVALS_CHECKED,
            gap=self.gap,  # type: ignore[arg-type]
            overlap=self.overlap,  # type: ignore[arg-type]
        )
        shortest = min((b - a for a, b in pairwise(fires)), default=None)
        allowed = timedelta(seconds=settings.HELIX_MIN_INTERVAL_S)
        if shortest is not None and shortest < allowed:
            raise ValidationError(
                {
                    "expression": f"“{self.expression}” fires {_span(shortest)} apart; "
                    f"at least {_span(allowed)} are asked for here (HELIX_MIN_INTERVAL_S)."
                }
            )


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


class ExecutionQuerySet(models.QuerySet["Execution"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(schedule__in=Schedule.objects.visible_to(user))


class Execution(models.Model):
    """The answer to one expected fire: the run it started, or why there is none."""

    class Trigger(models.TextChoices):
        CRON = "cron", "Cron"
        WEBHOOK = "webhook", "Webhook"
        MANUAL = "manual", "By hand"
        BACKFILL = "backfill", "Backfill"

    SKIPPED = "skipped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    schedule = models.ForeignKey(
        Schedule,
        on_delete=models.PROTECT,
        related_name="executions",
        db_index=False,  # the unique key begins with it
    )
    expected_at = models.DateTimeField()
    triggered_by = models.CharField(max_length=16, choices=Trigger.choices)
    run = models.OneToOneField(
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="execution"
    )
    reason = models.TextField(blank=True, default="", help_text="Why there is no run.")
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ExecutionQuerySet] = ExecutionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "schedule_executions"
        ordering: ClassVar = ["-expected_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "expected_at"], name="execution_once"),
            models.CheckConstraint(
                name="execution_run_or_reason",
                condition=Q(run__isnull=False, reason="") | (Q(run__isnull=True) & ~Q(reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} at {self.expected_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def status(self) -> str:
        """Return the run's state, or “skipped” where there is no run."""
        return self.run.status if self.run else self.SKIPPED

    @property
    def status_label(self) -> str:
        return self.run.get_status_display() if self.run else "Skipped"

    @property
    def why(self) -> str:
        """Return why it did not run, or why its run ended without success; empty if all is well."""
        return self.reason or (self.run.reason or self.run.error if self.run else "")


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(schedule__in=Schedule.objects.visible_to(user))


class WebhookEvent(models.Model):
    """What came in at a schedule's address, and what was answered.

    `code` and `reason` say why it was refused. Nothing but its address is kept of a delivery for a
    schedule that there is not, and a payload only where the signature was good.
    """

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        DUPLICATE = "duplicate", "Duplicate"
        REFUSED = "refused", "Refused"

    class Code(models.TextChoices):
        NO_LENGTH = "no_length", "No length"
        TOO_LARGE = "too_large", "Too large"
        WRONG_TYPE = "wrong_type", "Not JSON by its type"
        UNKNOWN = "unknown", "No such schedule"
        NOT_WEBHOOK = "not_webhook", "Not a webhook"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"
        NO_SECRET = "no_secret", "Secret not readable"
        UNSIGNED = "unsigned", "Not signed"
        BAD_SIGNATURE = "bad_signature", "Bad signature"
        STALE = "stale", "Outside the replay window"
        LIMITED = "limited", "Too many"
        MALFORMED = "malformed", "Malformed"
        UNFIT = "unfit", "Parameters do not fit"
        CONFLICT = "conflict", "Same id, another body"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    schedule: models.ForeignKey[Any, Schedule | None] = models.ForeignKey(
        Schedule,
        null=True,
        blank=True,
        on_delete=models.CASCADE,  # what was refused does not keep a schedule that never fired
        related_name="webhook_events",
        db_index=False,
    )
    received_at = models.DateTimeField()
    dialect = models.CharField(max_length=16, choices=Schedule.Dialect.choices, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    is_verified = models.BooleanField(help_text="Whether the signature was good.")
    code = models.CharField(max_length=16, choices=Code.choices, blank=True)
    reason = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(help_text="What was answered.")
    size = models.PositiveIntegerField()
    address = models.CharField(max_length=45, blank=True)
    signature = models.CharField(max_length=LONGEST_SIGNATURE, blank=True, help_text="Its begin.")
    message_id = models.CharField(max_length=LONGEST_MESSAGE_ID, blank=True)
    key = models.CharField(
        max_length=LONGEST_MESSAGE_ID + 8,
        blank=True,
        help_text="What no second delivery may have, as long as it is here.",
    )
    body_digest = models.CharField(max_length=64, blank=True)
    payload = models.TextField(blank=True)
    execution: models.ForeignKey[Any, Execution | None] = models.ForeignKey(
        Execution, null=True, blank=True, on_delete=models.PROTECT, related_name="webhook_events"
    )
    is_test = models.BooleanField(default=False)
    replay_of: models.ForeignKey[Any, WebhookEvent | None] = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replays"
    )

    objects: ClassVar[WebhookEventQuerySet] = WebhookEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "webhook_events"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["schedule", "key"], condition=~Q(key=""), name="webhook_once"
            ),
            models.CheckConstraint(
                name="webhook_accepted_has_execution",
                condition=Q(verdict="refused", execution__isnull=True)
                | (~Q(verdict="refused") & Q(execution__isnull=False)),
            ),
            models.CheckConstraint(
                name="webhook_refused_has_reason",
                condition=(Q(verdict="refused") & ~Q(code="") & ~Q(reason=""))
                | (~Q(verdict="refused") & Q(code="", reason="")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["schedule", "-id"], name="webhook_of_schedule"),
            models.Index(
                fields=["address", "-id"],
                name="webhook_unverified",
                condition=Q(is_verified=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}, {self.received_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def tone(self) -> str:
        return {"accepted": "success", "duplicate": "info", "refused": "danger"}[self.verdict]
