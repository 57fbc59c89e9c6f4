from __future__ import annotations

from django.urls import path

from jobs import views

urlpatterns = [
    path("jobs/", views.list_jobs, name="list_jobs"),
    path("jobs/start/", views.start_job, name="start_job"),
    path("jobs/<uuid:pk>/", views.show_job, name="show_job"),
]
