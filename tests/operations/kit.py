"""Parts for tests of the engine: a provider that does as it is told, a queue that empties."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from operations import services
from operations.engine.loop import Engine
from operations.models import Run
from providers.protocol import Completion, Request, Usage

Behaviour = Callable[[Request], Completion]
SUMMARY = {"series": [{"t": "2026-11-01", "value": 1.0}, {"t": "2026-11-02", "value": 2.0}]}
TASK = {"title": "Write the report", "max_steps": 3}
STEPS = {
    "steps": [{"order": 1, "title": "Write", "estimate_minutes": 30, "depends_on": []}],
}


def answers(*, input_tokens: int = 100, output_tokens: int = 50) -> Behaviour:
    def behave(request: Request) -> Completion:
        return Completion(STEPS, Usage(input_tokens, output_tokens), request.model)

    return behave


def fails(error: Exception) -> Behaviour:
    def behave(request: Request) -> Completion:
        raise error

    return behave


class Script:
    """What each provider does, call by call; when the list is used up, it answers."""

    def __init__(self) -> None:
        self.does: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self.requests: list[tuple[str, Request]] = []

    def tell(self, provider: str, *behaviours: Behaviour) -> None:
        self.does[provider].extend(behaviours)

    def adapter(self, provider: Any) -> ScriptedAdapter:
        return ScriptedAdapter(provider.name, self)


class ScriptedAdapter:
    at_once: int | None = None

    def __init__(self, provider: str, script: Script) -> None:
        self._provider = provider
        self._script = script

    async def open(self) -> None:
        pass

    async def complete(self, request: Request) -> Completion:
        self._script.requests.append((self._provider, request))
        planned = self._script.does[self._provider]
        behave = planned.popleft() if planned else answers()
        return behave(request)

    async def aclose(self) -> None:
        pass


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    monkeypatch.setattr("operations.engine.calls.open_adapter", script.adapter)
    monkeypatch.setattr("operations.router.FIRST_PAUSE_S", 0.01)
    return script


def submit(
    owner: User, *, model: str = "", parameters: dict[str, Any] | None = None, **more: Any
) -> Run:
    return services.submit(
        owner=owner,
        operation="task-breakdown",
        parameters=parameters or TASK,
        model=model,
        **{"origin": Run.Origin.COMMAND, **more},
    )


def drain(*, slots: int = 20) -> None:
    Engine(slots=slots).drain()
