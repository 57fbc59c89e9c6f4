"""The adapter of `local`: answers by the operation's own rules, free and without a network."""

from __future__ import annotations

import asyncio
import json

from pydantic import ValidationError

from providers.local.words import one_line
from providers.protocol import (
    Completion,
    InvalidAnswer,
    Json,
    ModelNotFound,
    Request,
    Rules,
    TimedOut,
    Unavailable,
    Usage,
)

MODEL = "rules-1"


class RulesFailed(Unavailable):
    """The rules of this operation failed on these parameters.

    They would fail again, so nothing is retried here; other operations are not concerned, so no
    circuit opens.
    """

    code = "rules_failed"
    retry_here = False
    trips_circuit = False


class RulesTimedOut(TimedOut):
    """The rules of this operation did not finish in time."""

    trips_circuit = False
    may_have_billed = False


class LocalAdapter:
    """Runs rules in a thread, so that a long calculation does not hold up other calls.

    Two at once: they share the interpreter with the engine, which has to go on beating.
    """

    at_once: int | None = 2

    async def open(self) -> None:
        """Do nothing: it is always ready."""

    async def complete(self, request: Request) -> Completion:
        """Return the answer of the operation's rules, validated; its usage is zero tokens."""
        if request.rules is None:
            raise ModelNotFound(
                f"The operation “{request.operation}” has no rules; choose a model for it."
            )
        answer = await self._answer(request, request.rules)
        try:
            result = request.result_type.model_validate(answer)
        except ValidationError as error:
            raise InvalidAnswer(
                f"The rules of “{request.operation}” gave an answer of the wrong form: {error}",
                answer=json.dumps(answer, default=str),
                usage=Usage(0, 0),
            ) from error
        return Completion(
            result=result.model_dump(mode="json"), usage=Usage(0, 0), model=MODEL, tier=request.tier
        )

    async def _answer(self, request: Request, rules: Rules) -> Json:
        try:
            async with asyncio.timeout(request.timeout_s):
                return await asyncio.to_thread(rules, request.parameters)
        except TimeoutError as error:
            raise RulesTimedOut(
                f"The rules of “{request.operation}” took more than {request.timeout_s:g} seconds."
            ) from error
        except Exception as error:  # whatever a rule raises is this provider's error
            raise RulesFailed(
                f"The rules of “{request.operation}” failed: "
                f"{type(error).__name__}: {one_line(str(error), 200)}"
            ) from error

    async def aclose(self) -> None:
        """Do nothing: there is no client to close."""
