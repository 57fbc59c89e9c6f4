"""What is recorded of schedules, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from django.urls import reverse

from core.sentences import Change, Named, finder, namer, sentence
from scheduling.models import Schedule

if TYPE_CHECKING:
    from accounts.models import User

FOUND = 50  # schedules whose name holds a text
WORDS = {
    "name": "name",
    "expression": "cron",
    "zone": "time zone",
    "gap": "when clocks go forward",
    "overlap": "when clocks go back",
    "priority": "priority",
}


@namer("scheduling.schedule")
def name_schedules(user: User, keys: Collection[str]) -> Mapping[str, Named]:
    found = Schedule.objects.visible_to(user).filter(pk__in=keys).values_list("pk", "name")
    return {str(pk): Named(name, reverse("show_schedule", args=[pk])) for pk, name in found}


@finder("scheduling.schedule")
def find_schedules(user: User, text: str) -> Collection[str]:
    found = Schedule.objects.visible_to(user).filter(name__icontains=text).order_by("-id")
    return [str(pk) for pk in found.values_list("pk", flat=True)[:FOUND]]


def _schedule(change: Change) -> str:
    """Return the schedule by the name it had then, else by today's."""
    name = change.told("name") or change.name
    return f"schedule “{name}”" if name else "a schedule"


@sentence("schedule.created")
def tell_created(change: Change) -> str:
    return f"Created {_schedule(change)}."


@sentence("schedule.changed")
def tell_changed(change: Change) -> str:
    # The record holds no parameters: where nothing else differs, it was those.
    changed = change.differences(WORDS) or ["parameters"]
    return f"Changed {_schedule(change)}: {'; '.join(changed)}."


@sentence("schedule.paused")
def tell_paused(change: Change) -> str:
    return f"Paused {_schedule(change)}: {change.told('reason')}"


@sentence("schedule.resumed")
def tell_resumed(change: Change) -> str:
    return f"Resumed {_schedule(change)}."


@sentence("schedule.run_by_hand")
def tell_run(change: Change) -> str:
    status = change.told("status")
    skipped = "; it was skipped" if status == "skipped" else ""
    return f"Ran {_schedule(change)} by hand{skipped}."


@sentence("schedule.deleted")
def tell_deleted(change: Change) -> str:
    return f"Deleted {_schedule(change)}, which had never fired."


@sentence("schedule.archived")
def tell_archived(change: Change) -> str:
    return f"Archived {_schedule(change)}; its history stays."


@sentence("schedule.webhook_secret_rotated")
def tell_secret_rotated(change: Change) -> str:
    until = change.after.get("old_until")
    old = "the old one holds for a while longer" if until else "the old one is gone"
    return f"Gave {_schedule(change)} a new webhook secret; {old}."


@sentence("schedule.webhook_secret_revoked")
def tell_secret_revoked(change: Change) -> str:
    return f"Ended the old webhook secret of {_schedule(change)}."


@sentence("schedule.webhook_tested")
def tell_webhook_tested(change: Change) -> str:
    return f"Sent {_schedule(change)} a test delivery."


@sentence("schedule.webhook_replayed")
def tell_webhook_replayed(change: Change) -> str:
    return f"Replayed a webhook delivery to {_schedule(change)}."
