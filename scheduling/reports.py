"""What the pages tell of schedules: reads that end in frozen rows, each a bounded piece of work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Sum, TextChoices
from django.utils import timezone

from core import moments, units
from core.errors import DomainError
from core.money import round_cost
from core.svg import Bar
from operations import registry
from operations import services as operations
from operations.estimates import Estimate
from operations.models import Run, Usage
from operations.registry import Operation
from operations.reports import has_workers
from operations.validation import InvalidParameters
from scheduling import cadence, wording, zones
from scheduling.cadence import InvalidCron
from scheduling.models import RECENT, Execution, ExecutionQuerySet, Schedule, ScheduleQuerySet

if TYPE_CHECKING:
    from accounts.models import User

LATE = timedelta(seconds=10)  # a fire this long past is nobody's to fire
AHEAD_PARTS, AHEAD_MINUTES = 48, 30  # the coming 24 hours by half-hours
MOST_CADENCES = 5_000  # different ones that are counted ahead; some 10 µs each
SUCCESS_DAYS = 7
STRIP = 60  # on a schedule's own page
MOST_TOTALLED = 10_000  # fires of a month that are summed up, the newest
LABELLED_EVERY = 8  # bars of the histogram between two moments told beneath it

SAID = {
    Run.Status.SUCCESS.value: "succeeded",
    Run.Status.FAILED.value: "failed",
    Run.Status.RUNNING.value: "running",
    Run.Status.PENDING.value: "pending",
    Run.Status.WAITING.value: "waiting",
    Run.Status.SKIPPED.value: "skipped",
    Run.Status.CANCELLED.value: "cancelled",
}
ENDED = (Run.Status.SUCCESS.value, Run.Status.FAILED.value)


# --- one schedule ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """How a schedule does: the tone of its badge, and the word in it."""

    tone: str
    label: str

    @property
    def is_switched_off(self) -> bool:
        return self == SWITCHED_OFF

    @property
    def is_refused(self) -> bool:
        return self == REFUSED


PAUSED = State("paused", "Paused")
SWITCHED_OFF = State("paused", "Operation off")
FAILING = State("failing", "Failing")
REFUSED = State("warning", "Refused")
RUNNING = State("running", "Running")
HEALTHY = State("healthy", "Healthy")
READY = State("active", "Ready")  # nothing has ended yet
ARCHIVED = State("neutral", "Archived")


def state_of(schedule: Schedule) -> State:
    """Return the state of a schedule that was read `with_outcome`, by the filters' own rule."""
    read = cast("Any", schedule)
    outcome = read.outcome
    if schedule.is_archived:
        return ARCHIVED
    if not schedule.enabled:
        return PAUSED
    if read.is_switched_off:
        return SWITCHED_OFF
    if outcome == Run.Status.FAILED:
        return FAILING
    if outcome == Run.Status.SKIPPED:
        return REFUSED
    if schedule.running_execution_id is not None:
        return RUNNING
    return HEALTHY if outcome == Run.Status.SUCCESS else READY


def due_since(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the next fire where it has passed and nobody took it up; a worker does in a second."""
    at = schedule.next_execution_at
    return at if is_overdue(at, now) else None


def is_overdue(at: datetime | None, now: datetime) -> bool:
    return at is not None and at < now - LATE


def words_of(schedule: Schedule) -> str:
    """Return when a schedule fires, in words."""
    if schedule.type == Schedule.Type.WEBHOOK:
        return "By webhook"
    if schedule.type != Schedule.Type.CRON:
        return schedule.get_type_display()
    try:
        return wording.words(schedule.expression)
    except InvalidCron:  # rules became stricter after it was saved; firing pauses it and says so
        return schedule.expression


@dataclass(frozen=True, slots=True)
class Recent:
    """What the last fires of a schedule came to, oldest first.

    `success` is a share (0 to 1) of the runs that succeeded or failed; `cost_usd` and
    `duration_ms` are means over the runs that know theirs. None where nothing can be said.
    """

    bars: tuple[Bar, ...] = ()
    label: str = "No runs yet"
    success: float | None = None
    cost_usd: Decimal | None = None
    duration_ms: int | None = None

    @property
    def is_free(self) -> bool:
        return self.cost_usd == 0


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule as the list shows it; `key` is the id of its element.

    `due_since` is a next fire that has passed; `has_workers` says whether anybody would fire it.
    """

    key: str
    schedule: Schedule
    state: State
    words: str
    recent: Recent
    due_since: datetime | None = None
    has_workers: bool = True

    @property
    def operation(self) -> str:
        return registry.title_of(self.schedule.operation)


_Fire = tuple[UUID, datetime, str | None, int | None, Decimal | None]
_FIRE = ("schedule_id", "expected_at", "run__status", "run__latency_ms", "run__cost_usd")


def rows_of(schedules: Sequence[Schedule], zone: str) -> list[Row]:
    """Return what the list shows of `schedules`; bars tell times in `zone`.

    One query, and one more where a fire is overdue. They were read `with_outcome` and
    `with_recent_since`.
    """
    recent = _recent(schedules, ZoneInfo(zone))
    now = timezone.now()
    overdue = {schedule.pk: due_since(schedule, now) for schedule in schedules}
    is_fired = not any(overdue.values()) or has_workers()
    return [
        Row(
            f"schedule-{schedule.pk}",
            schedule,
            state_of(schedule),
            words_of(schedule),
            recent[schedule.pk],
            overdue[schedule.pk],
            is_fired,
        )
        for schedule in schedules
    ]


def _recent(schedules: Sequence[Schedule], zone: ZoneInfo) -> dict[UUID, Recent]:
    fires: dict[UUID, list[_Fire]] = {schedule.pk: [] for schedule in schedules}
    if not schedules:
        return {}
    # One stretch of the index for each schedule, with nothing in it but what is wanted: a window
    # over all of a schedule's executions would read a year of them to keep twenty.
    wanted = reduce(
        or_,
        (
            Q(schedule=schedule.pk, expected_at__gte=cast("Any", schedule).recent_since)
            for schedule in schedules
        ),
    )
    # Not visible_to again: the schedules are.
    rows = Execution.objects.filter(wanted).order_by("-expected_at")
    for fire in rows.values_list(*_FIRE):
        fires[fire[0]].append(cast("_Fire", fire))
    now = datetime.now(UTC)
    return {pk: recent_of(found[:RECENT], zone, now) for pk, found in fires.items()}


def recent_of(fires: Sequence[_Fire], zone: ZoneInfo, now: datetime) -> Recent:
    """Return what `fires`, newest first, came to."""
    if not fires:
        return Recent()
    bars = [_bar(fire, zone, now) for fire in reversed(fires)]
    ended = [fire for fire in fires if fire[2] in ENDED]
    won = sum(fire[2] == Run.Status.SUCCESS for fire in ended)
    costs = [cost for *_, cost in ended if cost is not None]
    lengths = [length for *_, length, _ in ended if length is not None]
    return Recent(
        bars=tuple(bars),
        label=_label(fires),
        success=won / len(ended) if ended else None,
        cost_usd=round_cost(sum(costs, Decimal(0)) / len(costs)) if costs else None,
        duration_ms=round(sum(lengths) / len(lengths)) if lengths else None,
    )


def _bar(fire: _Fire, zone: ZoneInfo, now: datetime) -> Bar:
    _, at, status, latency_ms, cost = fire
    status = status or Execution.SKIPPED
    told = f"{moments.clock(at, now, zone)}: {SAID[status]}"
    if latency_ms is not None:
        told += f", {units.duration_ms(latency_ms)}"
    if cost is not None:
        told += f", {units.usd(cost)}"
    return Bar(status, latency_ms, told)


def _label(fires: Sequence[_Fire]) -> str:
    failed = sum(fire[2] == Run.Status.FAILED for fire in fires)
    skipped = sum((fire[2] or Execution.SKIPPED) == Execution.SKIPPED for fire in fires)
    latest = SAID[fires[0][2] or Execution.SKIPPED]
    runs = "Last run" if len(fires) == 1 else f"Last {len(fires)} runs"
    told = f", {skipped} skipped" if skipped else ""
    return f"{runs}: {failed or 'none'} failed{told}, latest {latest}"


def strip_of(schedule: Schedule, zone: str) -> Recent:
    """Return the last 60 fires of one schedule."""
    newest = schedule.executions.order_by("-expected_at").values_list(*_FIRE)[:STRIP]
    return recent_of(cast("list[_Fire]", list(newest)), ZoneInfo(zone), datetime.now(UTC))


def next_fires(schedule: Schedule, now: datetime, count: int) -> list[datetime]:
    """Return when a schedule fires next; nothing while it does not fire by itself."""
    if schedule.next_execution_at is None:
        return []
    try:
        return cadence.upcoming(
            schedule.expression,
            schedule.zone,
            now,
            count,
            gap=schedule.gap,  # type: ignore[arg-type]  # choices of the fields
            overlap=schedule.overlap,  # type: ignore[arg-type]
        )
    except InvalidCron:
        return []


def operation_of(schedule: Schedule) -> Operation[Any] | None:
    """Return what the schedule runs, or None where this Helix no longer has it."""
    try:
        return registry.get(schedule.operation)
    except registry.UnknownOperation:
        return None


@dataclass(frozen=True, slots=True)
class Totals:
    """A schedule's present month in the reader's zone.

    `since` is later than its first day, and it is not whole, where more fires have come than are
    summed up.
    """

    since: datetime
    runs: int
    succeeded: int
    failed: int
    skipped: int
    cost_usd: Decimal
    unknown_cost: int
    is_whole: bool

    @property
    def success(self) -> float | None:
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


def totals_of(schedule: Schedule, zone: str, now: datetime) -> Totals:
    """Sum up the present month, its newest 10,000 fires at most."""
    local = now.astimezone(ZoneInfo(zone))
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    executions = schedule.executions.filter(expected_at__gte=month)
    newest = executions.order_by("-expected_at").values_list("expected_at", flat=True)
    since = newest[MOST_TOTALLED - 1 : MOST_TOTALLED].first()
    sums = _summed(executions.filter(expected_at__gte=since or month), runs=Count("run"))
    return Totals(since=since or month, is_whole=since is None, **sums)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some executions came to; `cost_usd` leaves out the `unknown_cost` runs."""

    executions: int
    succeeded: int
    failed: int
    skipped: int
    cancelled: int
    cost_usd: Decimal
    unknown_cost: int

    @property
    def open(self) -> int:
        ended = self.succeeded + self.failed + self.skipped + self.cancelled
        return self.executions - ended

    @property
    def parts(self) -> list[tuple[int, str]]:
        """Return how many ended how, without those ends that nothing came to."""
        parts = (
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.cancelled, "cancelled"),
            (self.open, "running"),
        )
        return [part for part in parts if part[0]]


def sums_of(executions: ExecutionQuerySet) -> Sums:
    """Sum up `executions`, which are bounded."""
    cancelled = Count("pk", filter=Q(run__status=Run.Status.CANCELLED))
    return Sums(**_summed(executions, executions=Count("pk"), cancelled=cancelled))


def _summed(among: ExecutionQuerySet, /, **more: Count) -> dict[str, Any]:
    sums = among.aggregate(
        succeeded=Count("pk", filter=Q(run__status=Run.Status.SUCCESS)),
        failed=Count("pk", filter=Q(run__status=Run.Status.FAILED)),
        skipped=Count("pk", filter=Q(run=None) | Q(run__status=Run.Status.SKIPPED)),
        cost_usd=Sum("run__cost_usd", default=Decimal(0)),
        unknown_cost=Count("pk", filter=Q(run__status__in=ENDED, run__cost_usd=None)),
        **more,
    )
    return dict(sums)


# --- all schedules of a person --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coming:
    """The fires of the next 24 hours in half-hours. Not whole where there are too many cadences."""

    counts: tuple[int, ...]
    begins: tuple[datetime, ...]
    is_whole: bool

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def titles(self) -> list[str]:
        """Return what each bar says, in the zone that is set."""
        return [
            f"{_clock(begin)} to {_clock(begin + timedelta(minutes=AHEAD_MINUTES))}: "
            f"{count:,} run{'' if count == 1 else 's'}"
            for begin, count in zip(self.begins, self.counts, strict=True)
        ]

    @property
    def labels(self) -> list[str]:
        """Return the moments told beneath the bars, from “now” to the end."""
        told = self.begins[LABELLED_EVERY::LABELLED_EVERY]
        end = self.begins[0] + timedelta(minutes=AHEAD_PARTS * AHEAD_MINUTES)
        return ["now", *(_clock(moment) for moment in (*told, end))]

    @property
    def label(self) -> str:
        """Return the finding of the picture in a sentence."""
        if not self.total:
            return "No runs in the next 24 hours"
        most = max(self.counts)
        busiest = self.begins[self.counts.index(most)]
        return f"{self.total:,} runs in the next 24 hours, most from {_clock(busiest)} on: {most:,}"


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def coming(schedules: ScheduleQuerySet, now: datetime) -> Coming:
    """Count the runs ahead of `schedules`: one query, and no walk from fire to fire."""
    cadences = (
        schedules.expecting_runs()
        .values_list("expression", "zone", "gap", "overlap")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    found = list(cadences[: MOST_CADENCES + 1])
    start = now.replace(second=0, microsecond=0)
    return Coming(
        counts=tuple(_sum_ahead(found[:MOST_CADENCES], start)),
        begins=tuple(start + timedelta(minutes=AHEAD_MINUTES * n) for n in range(AHEAD_PARTS)),
        is_whole=len(found) <= MOST_CADENCES,
    )


def _sum_ahead(cadences: Iterable[tuple[Any, ...]], start: datetime) -> list[int]:
    sums = [0] * AHEAD_PARTS
    for expression, zone, gap, overlap, number in cadences:
        try:
            counts = cadence.counts_after(
                expression,
                zone,
                start,
                parts=AHEAD_PARTS,
                minutes=AHEAD_MINUTES,
                gap=gap,
                overlap=overlap,
            )
        except InvalidCron:  # it will not fire: the engine pauses it and says why
            continue
        for place, count in enumerate(counts):
            if count:
                sums[place] += number * count
    return sums


@dataclass(frozen=True, slots=True)
class Figures:
    """What schedules have done by themselves: success of the last 7 days, cost of today.

    `cost_usd` leaves out the `unknown_cost` runs whose cost is not known.
    """

    success: float | None
    cost_usd: Decimal
    unknown_cost: int


def figures_of(user: User, now: datetime) -> Figures:
    """Return the figures above the list, read from the hourly sums."""
    local = now.astimezone(ZoneInfo(user.zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Q(hour__gte=midnight)
    sums = (
        Usage.objects.visible_to(user)
        .filter(origin=Run.Origin.CRON, hour__gte=now - timedelta(days=SUCCESS_DAYS))
        .aggregate(
            won=Sum("succeeded", default=0),
            lost=Sum("failed", default=0),
            cost=Sum("cost_usd", filter=today, default=Decimal(0)),
            unknown=Sum("unknown_cost", filter=today, default=0),
        )
    )
    ended = sums["won"] + sums["lost"]
    return Figures(
        success=sums["won"] / ended if ended else None,
        cost_usd=sums["cost"],
        unknown_cost=sums["unknown"],
    )


# --- what is being typed --------------------------------------------------------------------------

PREVIEWED = 6  # fires
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Preview:
    """What an expression comes to: its words and fires, or why it is refused.

    `runs_a_month` counts the coming 30 days. `has_readers_clock` where the reader's clocks show
    other times than the schedule's.
    """

    zone: str
    refusal: str = ""
    words: str = ""
    fires: tuple[datetime, ...] = ()
    changes: tuple[str, ...] = ()
    runs_a_month: int = 0
    has_readers_clock: bool = False

    @property
    def is_valid(self) -> bool:
        return not self.refusal


def preview_of(given: Mapping[str, str], *, reader: User, now: datetime) -> Preview:
    """Say what the expression, zone and clock rules in `given` come to; refuse as saving would."""
    zone = zones.named(given.get("zone", ""))
    gap = _choice(Schedule.Gap, given.get("gap"))
    overlap = _choice(Schedule.Overlap, given.get("overlap"))
    schedule = Schedule(
        owner=reader,
        type=Schedule.Type.CRON,
        expression=given.get("expression", ""),
        zone=zone,
        gap=gap,
        overlap=overlap,
    )
    if not schedule.expression.strip():
        return Preview(zone, "Type an expression, such as 0 6 * * MON-FRI.")
    if hint := zones.hint(zone):
        return Preview(zone, f"time zone: {hint}")
    try:
        schedule.plan(now)
        schedule.check_interval(now)
    except InvalidCron as refusal:
        return Preview(zone, str(refusal))
    except ValidationError as refusal:
        return Preview(zone, " ".join(refusal.messages))
    fires = tuple(next_fires(schedule, now, PREVIEWED))
    (runs_a_month,) = cadence.counts_after(
        schedule.expression,
        zone,
        now,
        parts=1,
        minutes=MONTH_DAYS * 24 * 60,
        gap=gap,
        overlap=overlap,
    )
    there, here = ZoneInfo(zone), ZoneInfo(reader.zone)
    return Preview(
        zone=zone,
        words=wording.words(schedule.expression),
        fires=fires,
        changes=tuple(
            change.words(schedule.expression, gap=gap, overlap=overlap)
            for change in wording.clock_changes(zone, now)
        ),
        runs_a_month=runs_a_month,
        has_readers_clock=any(
            fire.astimezone(there).utcoffset() != fire.astimezone(here).utcoffset()
            for fire in fires
        ),
    )


def _choice(choices: type[TextChoices], given: str | None) -> Any:
    """Return what was chosen, or the first choice for what is none: a preview asks no more."""
    return given if given in choices.values else choices.values[0]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run will probably cost, and a month of `runs`; or why that cannot be said.

    `refusal` says why a run would not be made at all, as things are now.
    """

    runs: int | None = None
    each: Estimate | None = None
    model: str = ""
    is_free: bool = False
    unknown: str = ""
    refusal: str = ""

    @property
    def low_usd(self) -> Decimal | None:
        return None if self.each is None else self.each.low_usd * (self.runs or 0)

    @property
    def mid_usd(self) -> Decimal | None:
        return None if self.each is None else self.each.mid_usd * (self.runs or 0)

    @property
    def high_usd(self) -> Decimal | None:
        return None if self.each is None else self.each.high_usd * (self.runs or 0)


def cost_of(
    owner: User, operation: str, parameters: Mapping[str, Any] | None, runs: int | None
) -> Cost:
    """Return what runs of `operation` cost, by the engine's own estimate; None: not filled in."""
    if parameters is None:
        return Cost(runs, unknown="Fill in the parameters to see what it costs.")
    try:
        told = operations.estimate_of(owner=owner, operation=operation, parameters=parameters)
    except InvalidParameters:
        return Cost(runs, unknown="Fill in the parameters to see what it costs.")
    except DomainError as refusal:
        return Cost(runs, unknown="Cost unknown.", refusal=str(refusal))
    return Cost(
        runs=runs,
        each=told.estimate,
        model=told.model.ref,
        is_free=told.is_local,
        unknown="" if told.estimate else "Cost unknown: no price is known for this model.",
        refusal=told.refusal,
    )
