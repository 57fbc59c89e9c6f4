from __future__ import annotations

import contextlib
from socket import socket
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from core.lifeline import end_with_parent
from core.producer import producer

REQUESTS_END_WITHIN_S = 3


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop; streams of events, which never end by themselves, are ended first."""
        producer.close()
        await super().shutdown(sockets)


class Command(BaseCommand):
    help = "Serve Helix over HTTP until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        end_with_parent()
        config = uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_config=None,  # ours stands already, and masks secrets
            server_header=False,
            timeout_graceful_shutdown=REQUESTS_END_WITHIN_S,
        )
        config.load()  # before there is an event loop
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C, raised again once all is closed
            Server(config).run()
