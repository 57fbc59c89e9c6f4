from __future__ import annotations

from django.urls import path

from audit import views

urlpatterns = [
    path("audit/", views.list_audit_events, name="list_audit_events"),
    path("audit/export/", views.export_audit_events, name="export_audit_events"),
]
