"""From a claimed row to a flight: who pays, whom to ask, in what words, at what most."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Q, Sum

from accounts.models import User
from core.errors import DomainError
from core.ids import uuid7
from core.money import round_up, to_nanos
from operations import estimates, gate, registry, router, tokens, validation
from operations.engine.flight import Call, Flight
from operations.gate import Nanos
from operations.models import Attempt
from preferences import services as preferences
from providers.catalogue import Catalogue, ModelInfo
from providers.protocol import Request

MEMORY_S = 60.0  # how long people's zones and run histories are remembered
MEMORY_ROWS = 10_000
HISTORY_RUNS = 200
RECOUNTED_RUNS = 3  # the newest, whose prompts are counted again to see how the vendor counts
NOT_TRIED = ("worker_lost", "not_sent")  # their provider was not at fault
FRAME_TOKENS = 600  # what a vendor wraps around our words: roles, the tool's frame

Value = TypeVar("Value")


class Disabled(DomainError):
    """The operation is switched off, or its owner's account is."""


class _Memory(Generic[Value]):
    """Values that may be `MEMORY_S` old; one engine thread uses it, so there is no lock."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[float, Value]] = {}

    def get(self, key: Hashable, read: Callable[[], Value]) -> Value:
        now = time.monotonic()
        held = self._values.get(key)
        if held is None or held[0] < now:
            if len(self._values) >= MEMORY_ROWS:
                self._values.clear()
            held = self._values[key] = (now + MEMORY_S, read())
        return held[1]


_owners: _Memory[User] = _Memory()
_histories: _Memory[estimates.History] = _Memory()


def flight_of(row: Sequence[Any]) -> Flight:
    """Return the flight of a claimed row (`queue.CLAIMED`), not yet planned."""
    run_id, owner_id, operation, _, origin, claims, _, created_at = row
    return Flight(
        run_id=run_id,
        owner_id=owner_id,
        origin=origin,
        claims=claims,
        operation=operation,
        created_at=created_at,
        started_s=time.monotonic(),
    )


def recall_attempts(flights: Sequence[Flight]) -> None:
    """Add what earlier claims of these runs have spent."""
    again = {flight.run_id: flight for flight in flights if flight.claims > 1}
    if not again:
        return
    sums = (
        Attempt.objects.filter(run__in=again)
        .values("run")
        .annotate(
            last=Max("number"),
            cost=Sum("cost_usd"),
            unknown=Count("id", filter=Q(cost_usd__isnull=True)),
            input=Sum("input_tokens"),
            cached=Sum("cached_tokens"),
            output=Sum("output_tokens"),
        )
        .order_by()
    )
    for row in sums:
        flight = again[row["run"]]
        flight.numbers = row["last"]
        flight.known = None if row["unknown"] else row["cost"]
        flight.input_tokens = row["input"] or 0
        flight.cached_tokens = row["cached"] or 0
        flight.output_tokens = row["output"] or 0
    tries = (
        Attempt.objects.filter(run__in=again)
        .exclude(error_code__in=NOT_TRIED)
        .values_list("run", "provider")
        .annotate(Count("id"))
        .order_by()
    )
    for run_id, provider, count in tries:
        again[run_id].tries[provider] = count


def plan(
    flight: Flight,
    row: Sequence[Any],
    catalogue: Catalogue,
    now: datetime,
) -> None:
    """Fill the flight: route, prompt, ceilings, month. Raises `DomainError` when it cannot go.

    Reads memory; people and histories it has not seen for a minute cost a query.
    """
    _, owner_id, slug, raw, _, _, requested, _ = row
    operation = registry.get(slug)
    choice = preferences.lookup(owner_id, slug)
    if not choice.enabled:
        raise Disabled(f"{operation.title} is switched off in the preferences of its owner.")
    owner = _owners.get(owner_id, lambda: User.objects.get(pk=owner_id))
    if not owner.is_active:
        raise Disabled(f"The account of {owner.username} is deactivated.")
    parameters = _gathered(operation, owner, raw, now)
    flight.definition = operation
    flight.route = router.plan_route(operation, choice, catalogue, requested=requested)
    flight.position = router.first_untried(flight.route, flight.tries)
    flight.instructions = operation.instructions
    flight.prompt = operation.prompt(parameters)
    flight.parameters = validation.to_json(parameters)
    flight.max_output_tokens = operation.output_tokens(parameters)
    flight.input_ceiling = _input_ceiling(operation, flight.prompt)
    flight.month = gate.month_of(now, owner.zone)


def _gathered(operation: registry.Operation[Any], owner: User, raw: Any, now: datetime) -> Any:
    parameters = validation.stored(operation, raw)
    return operation.gather(owner, parameters, now) if operation.gather else parameters


def foresee(
    owner: User,
    operation: str,
    parameters: Mapping[str, Any],
    catalogue: Catalogue,
    now: datetime,
    *,
    requested: str = "",
) -> Call:
    """Return the first call that a run of validated `parameters` would make, with its estimate.

    Nothing is written, held or asked. Raises `DomainError` as `plan` does.
    """
    row = (uuid7(), owner.pk, operation, parameters, "", 1, requested, now)
    flight = flight_of(row)
    _owners.get(owner.pk, lambda: owner)
    plan(flight, row, catalogue, now)
    call = next_call(flight, catalogue, now)
    add_estimate(call)
    return call


def _input_ceiling(operation: registry.Operation[Any], prompt: str) -> int:
    bound = tokens.upper_bound(prompt) + _frame_ceiling(operation.slug)
    return bound + FRAME_TOKENS


@cache
def _frame_ceiling(slug: str) -> int:
    """Return the most tokens that an operation's instructions and result schema come to."""
    operation = registry.get(slug)
    schema = json.dumps(operation.result.model_json_schema())
    return tokens.upper_bound(operation.instructions) + tokens.upper_bound(schema)


@cache
def _frame_tokens(slug: str) -> int:
    operation = registry.get(slug)
    schema = json.dumps(operation.result.model_json_schema())
    return tokens.count(operation.instructions) + tokens.count(schema)


def add_estimate(call: Call) -> None:
    """Give the flight the range its first call was expected to cost, from runs like it.

    Done while the provider works: it may cost a query, and no start should wait for that.
    """
    flight, model = call.flight, call.model
    operation = flight.definition
    if flight.estimate is not None or model.card is None or operation is None:
        return
    key = (flight.owner_id, flight.operation, model.ref, operation.prompt_version)
    flight.estimate = estimates.estimate(
        input_tokens=_counted(flight.operation, flight.prompt),
        history=_histories.get(key, lambda: history_of(*key)),
        prior_output=flight.max_output_tokens // 2,
        card=model.card,
        at=call.started_at,
    )


def _counted(slug: str, prompt: str) -> int:
    return tokens.count(prompt) + _frame_tokens(slug)


def history_of(owner_id: UUID, operation: str, ref: str, prompt_version: int) -> estimates.History:
    """Return the tokens of the owner's last settled runs of one operation, model and prompt."""
    provider, _, model = ref.partition(":")
    rows = Attempt.objects.filter(
        run__owner_id=owner_id,
        run__operation=operation,
        provider=provider,
        model=model,
        prompt_version=prompt_version,
        outcome=Attempt.Outcome.SUCCESS,
        input_tokens__isnull=False,
        output_tokens__isnull=False,
    ).order_by("-run_id")
    newest = [
        (sent or 0, answered or 0)
        for sent, answered in rows.values_list("input_tokens", "output_tokens")[:HISTORY_RUNS]
    ]
    if not newest:
        return estimates.History()
    latest = rows.values_list("input_tokens", "run__parameters", "run__created_at")
    return estimates.History.of(newest, _recounted(owner_id, operation, latest[:RECOUNTED_RUNS]))


def _recounted(
    owner_id: UUID, slug: str, latest: Iterable[tuple[int | None, Any, datetime]]
) -> list[tuple[int, int]]:
    """Return (what the vendor counted, what we count) of past prompts, made once more.

    What is gathered for them is gathered as of then. Parameters that are no longer valid are
    passed over.
    """
    operation = registry.get(slug)
    owner = _owners.get(owner_id, lambda: User.objects.get(pk=owner_id))
    counts = []
    for sent, raw, at in latest:
        try:
            prompt = operation.prompt(_gathered(operation, owner, raw, at))
        except validation.InvalidParameters:
            continue
        counts.append((sent or 0, _counted(slug, prompt)))
    return counts


def next_call(flight: Flight, catalogue: Catalogue, now: datetime) -> Call:
    """Return the flight's next attempt, not yet admitted, held or written."""
    model = flight.route[flight.position]
    operation = flight.definition
    assert operation is not None  # noqa: S101  planned before
    input_ceiling = flight.input_ceiling
    if flight.repair is not None:
        input_ceiling += tokens.upper_bound(flight.repair.answer + flight.repair.error)
    most = flight.max_output_tokens + model.thinking_tokens
    if model.max_output_tokens is not None:
        most = min(most, model.max_output_tokens)
    return Call(
        id=uuid7(),
        number=flight.numbers + 1,
        flight=flight,
        provider=catalogue.provider_of(model),
        model=model,
        request=Request(
            operation=flight.operation,
            model=model.name,
            instructions=flight.instructions,
            prompt=flight.prompt,
            result_type=operation.result,
            parameters=flight.parameters,
            rules=operation.rules,
            max_output_tokens=most,
            timeout_s=settings.HELIX_CALL_TIMEOUT_S,
            repair=flight.repair,
        ),
        started_at=now,
        ceiling=_ceiling(model, input_ceiling, most, catalogue),
        prompt_version=operation.prompt_version,
    )


def _ceiling(
    model: ModelInfo, input_tokens: int, output_tokens: int, catalogue: Catalogue
) -> Nanos:
    """Return the most that a call may cost.

    A model without a price is counted like the dearest model of its tier that has one: unknown is
    not free, and the person who pays can give it a price.
    """
    own = model.card.ceiling_usd(input_tokens, output_tokens) if model.card else None
    if own is not None:
        return to_nanos(round_up(own))
    others = [
        (other.tier == model.tier, usd)
        for other in catalogue.models.values()
        if other.card and (usd := other.card.ceiling_usd(input_tokens, output_tokens)) is not None
    ]
    return to_nanos(round_up(max(others)[1]))  # `local` is always among them, at 0
