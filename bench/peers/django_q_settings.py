"""django-q2 alone, with a broker in the database: what Helix would be without an engine."""

from __future__ import annotations

import os

import environ

SECRET_KEY = "bench"  # noqa: S105  nothing is signed for anyone
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q"]
DATABASES = {"default": environ.Env().db("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
Q_CLUSTER = {
    "name": "peer",
    "orm": "default",
    "workers": int(os.environ.get("BENCH_WORKERS", "2")),
    "timeout": 300,
    "retry": 1200,
    "poll": 0.2,  # its default
    "save_limit": -1,  # successes are not stored
    "bulk": int(os.environ.get("BENCH_BULK", "1")),
}
