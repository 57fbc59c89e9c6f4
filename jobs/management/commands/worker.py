from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from core.lifeline import end_with_parent
from jobs import cluster, queue
from jobs.schedule import ensure_tick


class Command(BaseCommand):
    help = "Run the worker: it carries out runs and background jobs until it is stopped."

    def handle(self, *_args: Any, **_options: Any) -> None:
        end_with_parent()
        ensure_tick()
        queue.ask_for_tick()
        sys.exit(cluster.run())
