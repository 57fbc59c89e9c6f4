"""The ledger: runs and their attempts, the budgets they fall under, and the engine's own rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from core.ids import uuid7
from core.models import OwnedModel, OwnedQuerySet
from core.money import UsdField


class RunQuerySet(OwnedQuerySet["Run"]):
    def pending(self) -> Self:
        return self.filter(status=Run.Status.PENDING)

    def running(self) -> Self:
        return self.filter(status=Run.Status.RUNNING)

    def of_status(self, status: str) -> Self:
        """Return the runs of one state, by the partial index that serves it."""
        if status in Run.RARE:
            return self.filter(_is("NOT IN ('pending', 'running', 'success')"), status=status)
        if status not in Run.OPEN:
            return self.filter(status=status)
        few = _is(f"= '{status}'")
        if connection.vendor == "sqlite":  # it would rather walk through all runs of the owner
            return self.filter(pk__in=Run.objects.filter(few).values("pk"))
        return self.filter(few)


def _is(condition: str) -> Func:
    """Return a condition on the state in words of SQL.

    SQLite believes that a partial index serves a query only where it reads the index's own
    condition, and a bound value is none.
    """
    return Func(
        F("status"), template=f"%(expressions)s {condition}", output_field=models.BooleanField()
    )


class Run(OwnedModel):
    """One execution of an operation: the row that every trigger makes and every cost is told by."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        SUCCESS = "success", "Success"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        CANCELLED = "cancelled", "Cancelled"

    FINAL = frozenset({Status.SUCCESS, Status.FAILED, Status.SKIPPED, Status.CANCELLED})
    OPEN = frozenset({Status.PENDING, Status.RUNNING})
    RARE = frozenset({Status.WAITING, Status.FAILED, Status.SKIPPED, Status.CANCELLED})

    # What a person may do to a run, and the states that allow it: the guard, and the buttons.
    ACTIONS: ClassVar = {"cancel": frozenset({Status.WAITING, Status.PENDING}), "repeat": FINAL}

    class Origin(models.TextChoices):
        """What asked for the run."""

        CRON = "cron", "Schedule"
        WEBHOOK = "webhook", "Webhook"
        MANUAL = "manual", "By hand"
        BATCH = "batch", "Batch"
        RETRY = "retry", "Retry"
        BACKFILL = "backfill", "Backfill"
        API = "api", "API"
        COMMAND = "command", "Command"

    operation = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    origin = models.CharField(max_length=16, choices=Origin.choices)
    requested_model = models.CharField(
        max_length=128, blank=True, default="", help_text="provider:model; empty: the preference."
    )
    priority = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text="1 to 10; 10 runs first.",
    )

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    reason = models.TextField(blank=True, default="", help_text="Why it was skipped or cancelled.")
    error = models.TextField(blank=True, default="", help_text="Why it failed.")
    created_at = models.DateTimeField(db_default=Now())
    available_at = models.DateTimeField(db_default=Now(), help_text="Not claimed before this.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    # The claim: `claims` counts them and fences the settlement, `worker_id` says whose it is.
    claims = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers that died running it.")
    worker_id = models.UUIDField(null=True, blank=True)
    lane = models.CharField(
        max_length=32,
        blank=True,
        default="",
        help_text="The provider it was sent back to wait for.",
    )

    result = models.JSONField(null=True, blank=True)
    provider = models.CharField(max_length=32, blank=True, default="")
    model = models.CharField(max_length=128, blank=True, default="")
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    cached_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = UsdField(null=True, blank=True, help_text="All attempts; empty: not known.")
    cost_low_usd = UsdField(null=True, blank=True)
    cost_mid_usd = UsdField(null=True, blank=True)
    cost_high_usd = UsdField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField(
        null=True, blank=True, help_text="From the first call to the last answer."
    )
    token = models.UUIDField(
        null=True, blank=True, editable=False, help_text="Of a submission that may come twice."
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "operation_runs"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="run_priority_1_to_10", condition=Q(priority__gte=1, priority__lte=10)
            ),
            models.CheckConstraint(
                name="run_final_has_end",
                condition=~Q(status__in=["success", "failed", "skipped", "cancelled"])
                | Q(finished_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="run_token_once",
                fields=["owner", "token"],
                condition=Q(token__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("priority").desc(),
                F("owner"),
                F("id"),
                name="run_pending",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["worker_id"], name="run_running", condition=Q(status="running")),
            models.Index(fields=["owner", "-id"], name="run_owner_newest"),
            models.Index(fields=["owner", "operation", "-id"], name="run_owner_operation"),
            # Lists and counts of the few that went wrong, among a hundred thousand that did not.
            models.Index(
                fields=["owner", "status", "-id"],
                name="run_rare",
                condition=~Q(status__in=["pending", "running", "success"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"

    @property
    def is_final(self) -> bool:
        return self.status in self.FINAL

    @property
    def is_simulated(self) -> bool:
        return self.provider == "simulated"

    def allows(self, action: str) -> bool:
        return self.status in self.ACTIONS[action]


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(run__in=Run.objects.visible_to(user))


class Attempt(models.Model):
    """One request to one model. Written before the request is sent, so that none is forgotten."""

    class Outcome(models.TextChoices):
        CALLING = "calling", "Calling"
        SUCCESS = "success", "Success"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"  # sent, but nobody heard the end: booked at its ceiling

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveSmallIntegerField()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    tier = models.CharField(max_length=16, default="standard")
    prompt_version = models.PositiveSmallIntegerField(default=1)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, default=Outcome.CALLING)
    error_code = models.CharField(max_length=32, blank=True, default="")
    error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    cached_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    price_id = models.UUIDField(null=True, blank=True, help_text="The price version pinned.")
    ceiling_usd = UsdField(default=Decimal(0), help_text="What it reserved: its upper bound.")
    booked_usd = UsdField(default=Decimal(0), help_text="What budgets count for it.")
    cost_usd = UsdField(null=True, blank=True, help_text="Usage times price; empty: unknown.")
    is_late = models.BooleanField(
        default=False, help_text="Its answer came after its worker had lost the run."
    )

    objects = AttemptQuerySet.as_manager()

    class Meta:
        db_table = "run_attempts"
        ordering: ClassVar = ["run", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="attempt_number_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["outcome"], name="attempt_open", condition=Q(outcome="unknown")),
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.model} #{self.number}"


class BudgetQuerySet(OwnedQuerySet["Budget"]):
    pass


class Budget(OwnedModel):
    """A limit on a month's spending; with no limit it only counts.

    Every owner has one in total and one for each operation in use, so that a limit set in the
    middle of a month knows what was spent before. An operation's limit is its owner's preference
    (`preferences.OperationPreference.monthly_budget_usd`); `limit_usd` is for the total.
    """

    class Scope(models.TextChoices):
        TOTAL = "total", "Everything"
        OPERATION = "operation", "One operation"

    scope = models.CharField(max_length=16, choices=Scope.choices)
    operation = models.CharField(max_length=64, blank=True, default="")
    limit_usd = UsdField(null=True, blank=True, help_text="USD a calendar month; empty: no limit.")

    objects = BudgetQuerySet.as_manager()

    class Meta:
        db_table = "budgets"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "operation"], name="budget_once"),
            models.CheckConstraint(
                name="budget_scope",
                condition=Q(scope="total", operation="")
                | (Q(scope="operation", limit_usd__isnull=True) & ~Q(operation="")),
            ),
            models.CheckConstraint(name="budget_limit_positive", condition=Q(limit_usd__gte=0)),
        ]

    def __str__(self) -> str:
        return self.operation or "everything"


class BudgetPeriodQuerySet(models.QuerySet["BudgetPeriod"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(budget__in=Budget.objects.visible_to(user))


class BudgetPeriod(models.Model):
    """What one calendar month of a budget has spent, and what running runs hold of it."""

    budget = models.ForeignKey(
        Budget, on_delete=models.PROTECT, related_name="periods", db_index=False
    )
    period = models.CharField(max_length=7, help_text="YYYY-MM in the owner's zone.")
    spent_usd = UsdField(default=Decimal(0))
    held_usd = UsdField(default=Decimal(0))

    objects = BudgetPeriodQuerySet.as_manager()

    class Meta:
        db_table = "budget_periods"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "period"], name="budget_period_once"),
            models.CheckConstraint(
                name="budget_period_not_negative", condition=Q(spent_usd__gte=0, held_usd__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget} {self.period}"


class HoldQuerySet(models.QuerySet["Hold"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(run__in=Run.objects.visible_to(user))


class Hold(models.Model):
    """Money reserved for the call a run is making. One a run; gone when the call is booked."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.PROTECT, related_name="hold")
    amount_usd = UsdField()
    period_ids = models.JSONField(help_text="The budget periods that hold the amount.")

    objects = HoldQuerySet.as_manager()

    class Meta:
        db_table = "budget_holds"

    def __str__(self) -> str:
        return f"{self.amount_usd} USD for {self.run_id}"


class EngineWorkerQuerySet(models.QuerySet["EngineWorker"]):
    def taking_runs(self) -> Self:
        """Return the workers that are heard of; a command works on its own run alone."""
        return self.filter(kind="worker", beat_at__gte=Now() - EngineWorker.SILENCE)


class EngineWorker(models.Model):
    """A process that claims runs. Silent for too long, it loses this row and its runs."""

    SILENCE = timedelta(seconds=15)  # three missed beats

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, default="worker")
    slots = models.PositiveSmallIntegerField()
    in_flight = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())

    objects = EngineWorkerQuerySet.as_manager()

    class Meta:
        db_table = "engine_workers"

    def __str__(self) -> str:
        return f"{self.kind} {self.pid} on {self.host}"


class ProviderState(models.Model):
    """What all workers know of a provider: its circuit, its rate allowance, its pauses.

    Kept in the database with or without Redis: tokens are taken for a whole group of claims in the
    claiming transaction, so one row serves all processes and there is no second truth.
    """

    provider = models.CharField(max_length=32, primary_key=True)
    key_fingerprint = models.CharField(max_length=64, blank=True, default="")
    failures = models.PositiveSmallIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    down_since = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)
    paused_reason = models.TextField(blank=True, default="")
    blocked_until = models.DateTimeField(null=True, blank=True, help_text="From Retry-After.")
    requests_left = models.FloatField(null=True, blank=True)
    tokens_left = models.FloatField(null=True, blank=True)
    filled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "provider_states"

    def __str__(self) -> str:
        return self.provider


class UsageQuerySet(OwnedQuerySet["Usage"]):
    pass


class Usage(OwnedModel):
    """One hour of an owner's use of one model for one operation, counted as runs settle."""

    hour = models.DateTimeField(help_text="Start of the hour, UTC.")
    operation = models.CharField(max_length=64)
    provider = models.CharField(max_length=32, blank=True, default="")
    model = models.CharField(max_length=128, blank=True, default="")
    origin = models.CharField(max_length=16)
    runs = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    unknown_cost = models.IntegerField(default=0, help_text="Runs of unknown cost.")
    cost_usd = UsdField(default=Decimal(0), help_text="Of the runs whose cost is known.")
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    latency_ms = models.BigIntegerField(default=0, help_text="Sum over `timed` runs.")
    timed = models.PositiveIntegerField(default=0)

    objects = UsageQuerySet.as_manager()

    class Meta:
        db_table = "operation_execution_analytics"
        verbose_name_plural = "usage"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "hour", "operation", "provider", "model", "origin"],
                name="usage_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.hour:%Y-%m-%d %H:00} UTC"
