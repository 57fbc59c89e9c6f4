from __future__ import annotations

from django.urls import path

from operations.views import catalogue, runs, settings

urlpatterns = [
    path("settings/operations/", settings.edit_operations, name="edit_operations"),
    path("settings/operations/<slug:slug>/", settings.edit_parameters, name="edit_parameters"),
    path("settings/budgets/", settings.edit_budgets, name="edit_budgets"),
    path("operations/", catalogue.list_operations, name="list_operations"),
    path("operations/<slug:slug>/", catalogue.try_operation, name="try_operation"),
    path(
        "operations/<slug:slug>/estimate/", catalogue.estimate_operation, name="estimate_operation"
    ),
    path(
        "operations/<slug:slug>/preview/", catalogue.preview_parameters, name="preview_parameters"
    ),
    path("runs/", runs.list_runs, name="list_runs"),
    path("runs/<uuid:pk>/", runs.show_run, name="show_run"),
    path("runs/<uuid:pk>/cancel/", runs.cancel_run, name="cancel_run"),
]
