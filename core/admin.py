from __future__ import annotations

from django.contrib import admin

from core.modeladmin import ReadOnlyAdmin
from core.models import StoredSecret


@admin.register(StoredSecret)
class StoredSecretAdmin(ReadOnlyAdmin):
    """What there is and how old; never the value, not even sealed."""

    list_display = ["name", "owner", "version", "fingerprint", "changed_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username", "fingerprint"]
    fields = ["name", "owner", "version", "fingerprint", "key_id", "created_at", "changed_at"]
