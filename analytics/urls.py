from __future__ import annotations

from django.urls import path

from analytics.views import overview

urlpatterns = [
    path("", overview.show_overview, name="show_overview"),
    path("checklist/hide/", overview.hide_checklist, name="hide_checklist"),
]
