from __future__ import annotations

from django.urls import path

from preferences import views

urlpatterns = [
    path("settings/", views.show_settings, name="show_settings"),
    path("settings/accent-<str:colour>.css", views.show_accent, name="show_accent"),
]
