"""A run in this process, from its claim to its settlement."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from operations.estimates import Estimate
from operations.gate import Nanos, PeriodIds
from operations.registry import Operation
from providers.catalogue import ModelInfo, ProviderInfo
from providers.protocol import (
    Completion,
    InvalidAnswer,
    Json,
    ProviderError,
    Repair,
    Request,
    Usage,
)

LONGEST_ERROR = 2000  # characters kept of an error


@dataclass(slots=True)
class Call:
    """One attempt: its row is written before the request is sent."""

    id: UUID
    number: int
    flight: Flight
    provider: ProviderInfo
    model: ModelInfo
    request: Request
    started_at: datetime
    ceiling: Nanos
    prompt_version: int


@dataclass(slots=True)
class Ended:
    """What a call came to: a completion, an error, or neither when it was cut short."""

    call: Call
    latency_ms: int
    completion: Completion | None = None
    error: ProviderError | None = None

    def check(self) -> None:
        """Make an answer that is not about what was asked an invalid one.

        Not a simulated one: it is about nothing.
        """
        operation = self.call.flight.definition
        if self.completion is None or operation is None or operation.check is None:
            return
        if self.call.provider.is_simulated:
            return
        wrong = operation.check(self.call.flight.parameters, self.completion.result)
        if wrong:
            answer = json.dumps(self.completion.result, ensure_ascii=False)
            self.error = InvalidAnswer(wrong, answer=answer, usage=self.completion.usage)
            self.completion = None

    @property
    def usage(self) -> Usage | None:
        """Return what the provider reported; None: nothing, which is not nothing used."""
        if self.completion is not None:
            return self.completion.usage
        return self.error.usage if self.error is not None else None

    @property
    def error_text(self) -> str:
        """Return the error as a row can hold it: no NUL, no half of a surrogate pair."""
        text = str(self.error)[:LONGEST_ERROR] if self.error is not None else ""
        return text.replace("\0", "").encode(errors="replace").decode()


@dataclass(slots=True)
class Flight:
    """A claimed run. `claims` is the fence: a settlement under another number is refused.

    `known` is the exact cost so far, None once a part of it is unknown; `next` waits here while the
    flight is between two calls.
    """

    run_id: UUID
    owner_id: UUID
    origin: str
    claims: int
    operation: str
    created_at: datetime
    started_s: float  # monotonic: time-outs and latency survive a stepped clock
    numbers: int = 0  # attempts so far, earlier claims included
    known: Decimal | None = Decimal(0)
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    latency_ms: int | None = None  # up to the last answer
    tries: Counter[str] = field(default_factory=Counter)
    # Filled by planning:
    definition: Operation[Any] | None = None
    route: tuple[ModelInfo, ...] = ()
    instructions: str = ""
    prompt: str = ""
    parameters: Json = field(default_factory=dict)
    input_ceiling: int = 0
    max_output_tokens: int = 0
    month: str = ""  # the owner's, as the first hold falls in it
    periods: PeriodIds = ()
    estimate: Estimate | None = None
    # Between two calls:
    position: int = 0
    repair: Repair | None = None
    has_repaired: bool = False
    due_s: float = 0.0
    last_error: str = ""

    def remember(self) -> Flight:
        """Return a copy to `recall` when the transaction that changes the flight rolls back."""
        memory = copy.copy(self)
        memory.tries = self.tries.copy()
        return memory

    def recall(self, memory: Flight) -> None:
        for each in fields(Flight):
            setattr(self, each.name, getattr(memory, each.name))


@dataclass(slots=True)
class Final:
    """How a run ends, as it will be written."""

    flight: Flight
    status: str
    reason: str = ""
    error: str = ""
    result: Json | None = None
    provider: str = ""
    model: str = ""
