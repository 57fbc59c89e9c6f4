from __future__ import annotations

from django.db.models import Sum
from django.db.models.functions import Now

from core.health import Finding, check, ok, red
from operations.models import EngineWorker


@check("engine", is_for_readiness=True)
def check_engine() -> Finding:
    alive = EngineWorker.objects.filter(kind="worker", beat_at__gt=Now() - EngineWorker.SILENCE)
    count = alive.count()
    if not count:
        return red("No worker is alive; runs wait.", mend="Start `manage.py worker`.")
    in_flight = alive.aggregate(sum=Sum("in_flight"))["sum"]
    return ok(f"{count} worker processes are alive, {in_flight} runs in flight.")
