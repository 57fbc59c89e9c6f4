from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]
