"""What may be said about a schedule. Whether it holds is for `services` and the model to say."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from accounts.models import validate_zone
from operations import registry
from scheduling import cadence, zones
from scheduling.bulk import Action, Choice
from scheduling.cadence import InvalidCron
from scheduling.models import Schedule

KINDS = {"mail": "Mail", "calendar": "Calendar", "tasks": "Tasks", "analytics": "Analytics"}
CLOCK = ("expression", "gap", "overlap")  # what only a cron schedule has
ZONES = "schedule-zones"  # id of the list that the zone's field chooses from
OFFERED = (Schedule.Type.CRON, Schedule.Type.WEBHOOK, Schedule.Type.MANUAL)
DIALECTS = {
    Schedule.Dialect.STANDARD: "Signs id, time and body: a request sent again is known, an old one"
    " refused. Many libraries speak it.",
    Schedule.Dialect.HEX: "HMAC-SHA256 of the body in X-Webhook-Signature. No time is signed:"
    " whoever has seen a request can send it again later.",
    Schedule.Dialect.GITHUB: "As GitHub sends: X-Hub-Signature-256 over the body. No time is"
    " signed here either.",
    Schedule.Dialect.STRIPE: "As Stripe sends: Stripe-Signature over time and body; an old request"
    " is refused.",
}
REPLAYABLE = "Replayable"


@cache
def zone_names() -> list[str]:
    """Return all zones of this machine, once: reading them takes 10 ms."""
    return sorted(zoneinfo.available_timezones())


def dialect_choices() -> list[tuple[str, str, str, str]]:
    """Return value, label, sentence and warning of each way to sign."""
    return [
        (each.value, str(each.label), sentence, REPLAYABLE if each.is_replayable else "")
        for each, sentence in DIALECTS.items()
    ]


def operation_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the operations by kind, as a select shows them."""
    by_kind: dict[str, list[tuple[str, str]]] = {label: [] for label in KINDS.values()}
    for operation in registry.all_operations():
        by_kind[KINDS[operation.kind]].append((operation.slug, operation.title))
    return [(label, choices) for label, choices in by_kind.items() if choices]


class ScheduleForm(forms.Form):
    """All of a schedule that can be changed; `NewScheduleForm` adds what is chosen once.

    The parameters are a form of their own: `operations.forms.ParameterForm`.
    """

    name = forms.CharField(
        max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})
    )
    expression = forms.CharField(
        label="Cron expression",
        max_length=10 * cadence.LONGEST_EXPRESSION,  # the rule says how long, with the mend
        help_text="minute · hour · day of month · month · day of week",
        widget=forms.TextInput(
            attrs={
                "class": "mono",
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "placeholder": "0 6 * * MON-FRI",
            }
        ),
    )
    zone = forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="Whose clocks the expression is read by.",
        widget=forms.TextInput(attrs={"list": ZONES, "autocomplete": "off", "spellcheck": "false"}),
    )
    priority = forms.IntegerField(
        min_value=1, max_value=10, initial=5, help_text="1 to 10; 10 runs first."
    )
    gap = forms.ChoiceField(
        label="A time that is left out",
        choices=Schedule.Gap.choices,
        initial=Schedule.Gap.FIRST_VALID,
        help_text="When clocks go forward.",
    )
    overlap = forms.ChoiceField(
        label="A time that comes twice",
        choices=Schedule.Overlap.choices,
        initial=Schedule.Overlap.FIRST,
        help_text="When clocks go back.",
    )

    def __init__(self, *args: Any, has_clock: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_clock:
            for name in CLOCK:
                del self.fields[name]

    def clean_expression(self) -> str:
        """Ask the services' own rule already here, so that all fields are told at once."""
        expression = str(self.cleaned_data["expression"])
        if self.fields["expression"].required:
            try:
                cadence.parse(expression)
            except InvalidCron as refusal:
                raise ValidationError(str(refusal)) from refusal
        return expression

    def clean_zone(self) -> str:
        typed = str(self.cleaned_data["zone"])
        zone = zones.named(typed)
        try:
            validate_zone(zone)
        except ValidationError as refusal:
            raise ValidationError(zones.hint(typed) or refusal.messages) from refusal
        return zone

    @property
    def has_clock_errors(self) -> bool:
        return bool({"gap", "overlap"} & self.errors.keys())

    def add_refusal(self, refusal: ValidationError) -> None:
        """Put what the services refuse where it belongs; the rest stands above the form."""
        if not hasattr(refusal, "error_dict"):
            self.add_error(None, refusal)
            return
        for field, errors in refusal.error_dict.items():
            told = [message for error in errors for message in error.messages]
            if field in self.fields:
                self.add_error(field, told)
            elif field == NON_FIELD_ERRORS:
                self.add_error(None, told)
            else:
                self.add_error(None, [f"{field}: {message}" for message in told])


class NewScheduleForm(ScheduleForm):
    """A schedule that is being made: its operation and its trigger stay what they are."""

    name = forms.CharField(
        required=False,
        max_length=120,
        help_text="Made up from the operation if left empty.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    operation = forms.ChoiceField(choices=operation_choices)
    type = forms.ChoiceField(
        label="Trigger", choices=[(each.value, each.label) for each in OFFERED], initial="cron"
    )
    dialect = forms.ChoiceField(
        label="How requests are signed",
        choices=Schedule.Dialect.choices,
        initial=Schedule.Dialect.STANDARD,
        required=False,
    )

    field_order = ["name", "operation", "type", "dialect"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self.data.get("type") != Schedule.Type.CRON:
            for name in CLOCK:
                self.fields[name].required = False

    def clean_dialect(self) -> str:
        return str(self.cleaned_data["dialect"] or Schedule.Dialect.STANDARD)


class RotateForm(forms.Form):
    """What becomes of the old secret. `fingerprint` is that of the secret that was looked at.

    A click that is sent twice would put the first new secret, which nobody has seen yet, in the
    place of the one that senders use.
    """

    KEEP, REVOKE = "keep", "revoke"
    CHOICES = (
        (KEEP, "Works for 24 hours more", "Senders change over in their own time.", ""),
        (
            REVOKE,
            "Is revoked now",
            "If it may be in wrong hands: what is signed with it is refused at once.",
            "",
        ),
    )

    fingerprint = forms.CharField(max_length=64)
    old = forms.ChoiceField(choices=[(value, label) for value, label, *_ in CHOICES], initial=KEEP)

    def __init__(self, *args: Any, schedule: Schedule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fingerprint = schedule.secret_fingerprint

    def clean_fingerprint(self) -> str:
        seen = str(self.cleaned_data["fingerprint"])
        if seen != self._fingerprint:
            raise ValidationError(
                "The secret was rotated meanwhile. Look at its age before you rotate it again."
            )
        return seen


class BulkForm(forms.Form):
    """Asks why many schedules are paused, and once more how many go whose history would go too."""

    reason = forms.CharField(
        max_length=500,
        help_text="Kept and shown with each.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    number = forms.CharField(
        label="Type how many to confirm",
        max_length=10,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "inputmode": "numeric", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, action: Action, choice: Choice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._number = str(len(choice.rows))
        if action.name != "pause":
            del self.fields["reason"]
        if not choice.with_history:
            del self.fields["number"]

    def clean_number(self) -> str:
        typed = str(self.cleaned_data["number"])
        if typed != self._number:
            raise ValidationError(f"Type {self._number}: that many are deleted.")
        return typed


class DeleteForm(forms.Form):
    """Asks for the name of a schedule whose history a click should not put away."""

    name = forms.CharField(
        label="Type its name to confirm",
        max_length=120,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def __init__(self, *args: Any, schedule: Schedule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = str(schedule)
        self.fields["name"].help_text = self._name

    def clean_name(self) -> str:
        typed = str(self.cleaned_data["name"])
        if typed != self._name.strip():
            raise ValidationError(f"That is not its name; type “{self._name}”.")
        return typed
