"""The first steps of somebody new, told by what is there already. Values in, values out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beginning:
    """How far a person has come.

    `ready` are the vendors with a key; `variables` name what would give the others theirs.
    """

    has_tried: bool
    has_schedule: bool
    has_fired: bool
    has_budget: bool
    ready: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step with its one link; `url_name` may take an argument. An optional one is never due."""

    title: str
    text: str
    url_name: str
    label: str
    is_done: bool
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Checklist:
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self._due)

    @property
    def total(self) -> int:
        return len(self._due)

    @property
    def is_done(self) -> bool:
        return self.done == self.total

    @property
    def _due(self) -> list[Step]:
        return [step for step in self.steps if not step.is_optional]


def checklist(so_far: Beginning) -> Checklist:
    return Checklist(
        (
            Step(
                "Try an operation",
                "Paste something of yours, or let an example fill the form; no key is needed.",
                "list_operations",
                "Choose an operation",
                so_far.has_tried,
            ),
            _provider_step(so_far),
            Step(
                "Make a schedule",
                "Say when an operation runs by itself; the times are shown while you type.",
                "create_schedule",
                "New schedule",
                so_far.has_schedule,
            ),
            Step(
                "See it fire",
                "Its run appears on this page by itself, with its cost and its result.",
                "list_schedules",
                "Show schedules",
                so_far.has_fired,
            ),
            Step(
                "Set a monthly budget",
                "Runs that would pass it are refused before they cost anything.",
                "edit_budgets",
                "Set a limit",
                so_far.has_budget,
            ),
        )
    )


_WITHOUT = "Works without: the built-in rules answer."


def _provider_step(so_far: Beginning) -> Step:
    if so_far.ready:
        text = f"Ready: {', '.join(so_far.ready)}."
    else:
        text = _WITHOUT
        if so_far.variables:
            *some, last = so_far.variables
            names = f"{', '.join(some)} or {last}" if some else last
            text += f" For a model's answers, start Helix with {names}."
    return Step(
        "Connect a provider",
        text,
        "edit_operations",
        "Choose models",
        is_done=bool(so_far.ready),
        is_optional=True,
    )
