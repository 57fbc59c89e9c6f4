"""The page of a webhook: its address, its secret, and what came in."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.http import UserRequest, is_fragment, redirect_to, render_page
from scheduling import services, webhook_pages
from scheduling.forms import RotateForm
from scheduling.models import Schedule, WebhookEvent
from scheduling.webhook_pages import EVENT, PAGE, EventFilter

SECRET = "scheduling/webhook_secret.html"  # noqa: S105  a template
ROTATE = "scheduling/webhook_rotate.html"
CONFIRM = "scheduling/webhook_confirm.html"
GRACE = {RotateForm.KEEP: timedelta(hours=24), RotateForm.REVOKE: timedelta(0)}


@require_GET
def show_webhook(request: UserRequest, pk: UUID) -> HttpResponse:
    schedule = _find(request, pk)
    return render_page(request, PAGE, _context(request, schedule), partials={"event-log"})


@require_http_methods(["GET", "POST"])
def rotate_webhook(request: UserRequest, pk: UUID) -> HttpResponse:
    """Ask what becomes of the old secret; then make a new one and show it, this once."""
    schedule = _find(request, pk)
    form = RotateForm(request.POST if request.method == "POST" else None, schedule=schedule)
    if form.is_valid():
        grace = GRACE[form.cleaned_data["old"]]
        rotated = services.rotate_webhook_secret(schedule, by=request.user, grace=grace)
        return show_secret(request, rotated)
    context = {"schedule": schedule, "form": form, "choices": RotateForm.CHOICES}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render_page(request, ROTATE, context, partials={"dialog-body"}, status=status)


def show_secret(request: UserRequest, schedule: Schedule, *, is_new: bool = False) -> HttpResponse:
    """Show the secret that was just made; nothing keeps this answer, and no address repeats it."""
    if schedule.new_secret is None:
        raise LookupError("There is a secret to show only where it was made.")
    context = {
        "schedule": schedule,
        "secret": schedule.new_secret.reveal(),
        "is_new": is_new,
        "old_until": webhook_pages.old_until(schedule, timezone.now()),
        **webhook_pages.shell_context(schedule, _address(request, schedule)),
    }
    response = render_page(request, SECRET, context, partials={"dialog-body"})
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
def revoke_old_secret(request: UserRequest, pk: UUID) -> HttpResponse:
    schedule = _find(request, pk)
    if request.method == "POST":
        services.revoke_old_webhook_secret(schedule, by=request.user)
        messages.success(request, "The old secret is refused from now on.")
        return redirect_to(request, "show_webhook", pk)
    context = {
        "schedule": schedule,
        "title": "Revoke the old secret?",
        "text": "What is signed with it is refused at once. The new secret goes on working.",
        "verb": "Revoke old secret",
        "tone": "danger",
        "action": reverse("revoke_old_secret", args=[pk]),
    }
    return render_page(request, CONFIRM, context, partials={"dialog-body"})


@require_POST
def test_webhook(request: UserRequest, pk: UUID) -> HttpResponse:
    """Send a signed test the way a sender does, and tell what came of it."""
    schedule = _find(request, pk)
    event = services.send_test(schedule, by=request.user)
    if not is_fragment(request):
        level = (
            messages.WARNING if event.verdict == WebhookEvent.Verdict.REFUSED else messages.SUCCESS
        )
        messages.add_message(request, level, _told(event))
        return redirect_to(request, "show_webhook", pk)
    context = {**_context(request, schedule), "tested": event, "told": _told(event)}
    return render(request, f"{PAGE}#webhook-told", context | {"is_part": True})


@require_GET
def show_webhook_event(request: UserRequest, pk: UUID) -> HttpResponse:
    event = _find_event(request, pk)
    return render_page(request, EVENT, {"event": event}, partials={"dialog-body"})


@require_http_methods(["GET", "POST"])
def replay_webhook_event(request: UserRequest, pk: UUID) -> HttpResponse:
    """Ask, then run what came in once more, with the same payload."""
    event = _find_event(request, pk)
    if request.method == "POST":
        replayed = services.replay_event(event, by=request.user)
        refused = replayed.verdict == WebhookEvent.Verdict.REFUSED
        messages.add_message(
            request, messages.WARNING if refused else messages.SUCCESS, _told(replayed)
        )
        return redirect_to(request, "show_webhook", event.schedule_id)
    context = {
        "schedule": event.schedule,
        "title": "Replay this event?",
        "text": "Its payload starts a run once more, which may cost money. The log tells the replay"
        " from the event itself.",
        "verb": "Replay event",
        "action": reverse("replay_webhook_event", args=[pk]),
    }
    return render_page(request, CONFIRM, context, partials={"dialog-body"})


def _find(request: UserRequest, pk: UUID) -> Schedule:
    schedules = Schedule.objects.visible_to(request.user).filter(type=Schedule.Type.WEBHOOK)
    return get_object_or_404(schedules.with_outcome(), pk=pk)


def _find_event(request: UserRequest, pk: UUID) -> WebhookEvent:
    events = WebhookEvent.objects.visible_to(request.user)
    event = get_object_or_404(events.select_related("schedule", "execution"), pk=pk)
    if event.schedule is None:  # nobody owns what came for an unknown id
        raise Http404
    return event


def _context(request: UserRequest, schedule: Schedule) -> dict[str, Any]:
    asked = request.POST if request.method == "POST" else request.GET
    chosen = EventFilter(asked, schedule.webhook_events.all())
    return webhook_pages.webhook_context(
        schedule, chosen, request.user, _address(request, schedule), timezone.now()
    )


def _address(request: UserRequest, schedule: Schedule) -> str:
    return request.build_absolute_uri(schedule.webhook_path)


def _told(event: WebhookEvent) -> str | SafeString:
    """Return what came of a test or a replay, with a link to its run."""
    what = "Replay" if event.replay_of_id else "Test"
    if event.verdict == WebhookEvent.Verdict.REFUSED:
        return f"{what} refused ({event.status}): {event.reason}"
    execution = event.execution
    if execution is None or execution.run_id is None:
        return f"{what} accepted, no run: {execution.reason if execution else ''}"
    url = reverse("show_run", args=[execution.run_id])
    return format_html("{} accepted. <a href='{}'>Open the run</a>", what, url)
