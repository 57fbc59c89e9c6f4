from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from jobs.registry import periodic
from scheduling import services


@periodic("scheduling.clean_webhooks", every=timedelta(hours=1))
def clean_webhooks() -> None:
    services.clean_webhooks(now=timezone.now())
