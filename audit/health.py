"""Does the key that we sign with belong to the log that we sign?"""

from __future__ import annotations

from audit import chain
from audit.models import AuditEvent
from core.health import Finding, check, ok, red


@check("audit key")
def look_at_key() -> Finding:
    newest = AuditEvent.objects.order_by("-id").first()
    if newest is None or chain.is_signed(newest.text, newest.hash):
        return ok("The audit log is signed with the key that is here.")
    return red(
        "The newest audit entry was not signed with the key that is here.",
        mend="Bring back the old AUDIT_KEY, or `audit_key` under HELIX_VAR_DIR, from a backup; then"
        " run `manage.py audit verify`.",
    )
