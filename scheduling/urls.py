from __future__ import annotations

from django.urls import path

from scheduling.views import actions, bulk, editing, exports, intake, lists, previews, webhooks

urlpatterns = [
    path("schedules/", lists.list_schedules, name="list_schedules"),
    path("schedules/new/", editing.create_schedule, name="create_schedule"),
    path("schedules/change/", bulk.change_schedules, name="change_schedules"),
    path("schedules/preview/", previews.preview_cadence, name="preview_cadence"),
    path("schedules/<uuid:pk>/", lists.show_schedule, name="show_schedule"),
    path(
        "schedules/<uuid:pk>/executions/",
        exports.export_executions,
        name="export_executions",
    ),
    path("schedules/<uuid:pk>/edit/", editing.edit_schedule, name="edit_schedule"),
    path("schedules/<uuid:pk>/toggle/", actions.toggle_schedule, name="toggle_schedule"),
    path("schedules/<uuid:pk>/run/", actions.run_schedule, name="run_schedule"),
    path("schedules/<uuid:pk>/delete/", actions.delete_schedule, name="delete_schedule"),
    path("schedules/<uuid:pk>/webhook/", webhooks.show_webhook, name="show_webhook"),
    path("schedules/<uuid:pk>/webhook/rotate/", webhooks.rotate_webhook, name="rotate_webhook"),
    path(
        "schedules/<uuid:pk>/webhook/revoke/", webhooks.revoke_old_secret, name="revoke_old_secret"
    ),
    path("schedules/<uuid:pk>/webhook/test/", webhooks.test_webhook, name="test_webhook"),
    path("schedules/events/<uuid:pk>/", webhooks.show_webhook_event, name="show_webhook_event"),
    path(
        "schedules/events/<uuid:pk>/replay/",
        webhooks.replay_webhook_event,
        name="replay_webhook_event",
    ),
    # Any text may stand for the id: an odd one is answered like one that there is not.
    path("webhooks/schedules/<str:key>/", intake.receive_webhook, name="receive_webhook"),
    path("webhooks/schedules/<str:key>", intake.receive_webhook, name="receive_webhook_bare"),
    path("functions/v1/webhook-trigger", intake.receive_webhook, name="receive_webhook_twin"),
    path("functions/v1/webhook-trigger/", intake.receive_webhook),
]
