"""The web manifest: what a browser asks for before it installs Helix as an app."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

GROUND = "#f9fafb"  # --bg of tokens.css; a manifest has no second scheme, the pages' meta tags do
AN_HOUR = 3600


@require_safe
@login_not_required
@cache_control(public=True, max_age=AN_HOUR)
def show_manifest(request: HttpRequest) -> JsonResponse:
    start = reverse("show_overview")
    manifest = {
        "id": start,
        "name": "Helix",
        "short_name": "Helix",
        "description": "Run, schedule and watch AI operations.",
        "lang": "en",
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GROUND,
        "icons": [{"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return JsonResponse(manifest, content_type="application/manifest+json")
