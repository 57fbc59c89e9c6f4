from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from jobs import services
from jobs.registry import periodic


@periodic("jobs.clean_up", every=timedelta(days=30))
def clean_up() -> None:
    services.clean_up(now=timezone.now())
