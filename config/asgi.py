from __future__ import annotations

import os
import warnings

from django.core.asgi import get_asgi_application
from django.db import connections

from core.one_hop import OneHopHandler
from scheduling.webhooks.unread import LARGEST_BODY, with_deliveries

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# WhiteNoise hands its files over as plain iterators, read whole before sending. Ours are small.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
application = with_deliveries(get_asgi_application(), OneHopHandler(), largest=LARGEST_BODY)

# Under ASGI each request has a thread of its own, so that a connection kept by the thread would be
# opened by every request and kept by none. It goes back to a pool instead.
_database = connections.settings["default"]
_database["CONN_MAX_AGE"] = 0
if _database["ENGINE"].endswith("postgresql"):
    _database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 20, "timeout": 10}
