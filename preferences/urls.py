from __future__ import annotations

from django.urls import path

from preferences import views

urlpatterns = [
    path("settings/", views.show_settings, name="show_settings"),
    path("settings/appearance/", views.show_appearance, name="show_appearance"),
    path("settings/theme/", views.save_theme, name="save_theme"),
    path("settings/accent-<str:colour>.css", views.show_accent, name="show_accent"),
]
