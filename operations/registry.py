"""The catalogue of operations: one module each, in `operations/catalogue/`, registers itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from core.errors import DomainError
from operations.answers import Check
from providers.protocol import Rules

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

Parameters = TypeVar("Parameters", bound=BaseModel)


class UnknownOperation(DomainError):
    """There is no operation of this name."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Parameters]):
    """One AI task: what it takes, what it gives, and how a model is asked for it.

    `output_tokens` is the `max_tokens` to send: room for a full answer to these parameters and no
    more, since it is what a run reserves from the budget. `prompt_version` goes up by one whenever
    `instructions` or `prompt` change, because estimates are kept per version.
    `gather` replaces parameters that stand for Helix's own figures by the figures; it runs in the
    engine's database thread just before the call and must read a bounded number of rows.
    `check` says what is wrong with an answer of the right form, given parameters and result in JSON
    form; an empty text is nothing. What it says goes back to the model, once.
    """

    slug: str
    title: str
    kind: Literal["mail", "calendar", "tasks", "analytics"]
    tier: Literal["cheap", "quality"]
    help: str
    parameters: type[Parameters]
    result: type[BaseModel]
    instructions: str
    prompt: Callable[[Parameters], str]
    output_tokens: Callable[[Parameters], int]
    prompt_version: int = 1
    rules: Rules | None = None
    gather: Callable[[User, Parameters, datetime], Parameters] | None = None
    check: Check | None = None
    example: Mapping[str, Any] | None = None


_operations: dict[str, Operation[Any]] = {}


def register(operation: Operation[Parameters]) -> Operation[Parameters]:
    _operations[operation.slug] = operation
    return operation


@cache
def _discover() -> None:
    from operations import catalogue

    for module in pkgutil.iter_modules(catalogue.__path__):
        importlib.import_module(f"{catalogue.__name__}.{module.name}")


def all_operations() -> list[Operation[Any]]:
    _discover()
    return sorted(_operations.values(), key=lambda operation: operation.slug)


def get(slug: str) -> Operation[Any]:
    """Return the operation called `slug`, or raise `UnknownOperation` naming those there are."""
    _discover()
    try:
        return _operations[slug]
    except KeyError:
        known = ", ".join(sorted(_operations))
        raise UnknownOperation(f"There is no operation “{slug}”. Choose one of: {known}.") from None


def title_of(slug: str) -> str:
    """Return an operation's title, or its slug where the catalogue has lost it: runs stay."""
    _discover()
    operation = _operations.get(slug)
    return operation.title if operation else slug
