"""Is somebody running runs?"""

from __future__ import annotations

from django.db.models.functions import Now

from core.health import Finding, check, ok, red, warning
from operations.models import EngineWorker, ProviderState


@check("engine", is_for_readiness=True)
def look_at_engine() -> Finding:
    slots = list(EngineWorker.objects.taking_runs().values_list("slots", flat=True))
    if not slots:
        return red(
            "No worker is beating: runs are accepted, and wait.",
            mend="Start `manage.py worker`; if it runs, its log says why the engine does not.",
        )
    return ok(f"{len(slots)} engine loops with {sum(slots)} slots are beating.")


@check("providers' circuits")
def look_at_circuits() -> Finding:
    paused = list(ProviderState.objects.exclude(paused_reason="").order_by("provider"))
    if paused:
        return warning(
            f"Paused until someone acts: {', '.join(state.provider for state in paused)}.",
            mend="Mend the key or the account, then `manage.py circuits resume NAME`.",
            detail="; ".join(f"{state.provider}: {state.paused_reason}" for state in paused),
        )
    down = list(ProviderState.objects.filter(open_until__gt=Now()).order_by("provider"))
    if down:
        return warning(
            f"Down, and asked once a minute: {', '.join(state.provider for state in down)}.",
            mend="Look at the vendor's status page; runs go to their fallbacks meanwhile.",
        )
    return ok("No provider is paused or down.")
