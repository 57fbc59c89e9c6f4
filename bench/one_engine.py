"""One engine loop alone in a process, as each worker process has one; until it is told to stop."""

from __future__ import annotations

import signal

import django

if __name__ == "__main__":
    django.setup()

    from operations.engine.loop import Engine

    engine = Engine()
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    engine.run()
