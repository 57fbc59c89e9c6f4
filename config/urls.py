from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from core import events, manifest, palette, probes

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"

urlpatterns = [
    path("healthz", probes.show_alive, name="show_alive"),
    path("readyz", probes.show_ready, name="show_ready"),
    path("manifest.webmanifest", manifest.show_manifest, name="show_manifest"),
    path("events/", events.stream_events, name="stream_events"),
    path("palette/", palette.open_palette, name="open_palette"),
    path("", include("accounts.urls")),
    path("", include("analytics.urls")),
    path("", include("preferences.urls")),
    path("", include("jobs.urls")),
    path("", include("audit.urls")),
    path("", include("operations.urls")),
    path("", include("scheduling.urls")),
    path("admin/", admin.site.urls),
]
