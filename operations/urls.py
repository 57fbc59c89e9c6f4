from __future__ import annotations

from django.urls import path

from operations.views import catalogue, settings

urlpatterns = [
    path("settings/operations/", settings.edit_operations, name="edit_operations"),
    path("settings/operations/<slug:slug>/", settings.edit_parameters, name="edit_parameters"),
    path("settings/budgets/", settings.edit_budgets, name="edit_budgets"),
    path(
        "operations/<slug:slug>/preview/", catalogue.preview_parameters, name="preview_parameters"
    ),
]
