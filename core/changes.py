"""News of changes that the apps below the audit log make: accounts and secrets.

`audit` lies above them and says at start how a change is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model

    from accounts.models import User

_recorders: list[Callable[..., object]] = []


def on_change(recorder: Callable[..., object]) -> None:
    """Call `recorder` with each change, inside its transaction."""
    if recorder not in _recorders:
        _recorders.append(recorder)


def record(
    event: str,
    *,
    target: Model | str,
    by: User | None,
    owner: User | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    for recorder in _recorders:
        recorder(event, target=target, by=by, owner=owner, before=before, after=after)
