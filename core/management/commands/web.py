from __future__ import annotations

from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from core.lifeline import end_with_parent

REQUESTS_END_WITHIN_S = 3


class Command(BaseCommand):
    help = "Serve Helix over HTTP until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        end_with_parent()
        uvicorn.run(
            "config.asgi:application",
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_config=None,  # ours stands already, and masks secrets
            server_header=False,
            timeout_graceful_shutdown=REQUESTS_END_WITHIN_S,
        )
