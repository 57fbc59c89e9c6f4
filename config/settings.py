"""Every setting of Helix. Environments differ by values, not files: `.env.example` lists them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from secrets import token_hex

import environ
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from config import env
from core.private import make_database_file
from core.secrets.keyfile import read_or_create

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(BASE_DIR / ".env")  # values already in the environment win

# --- where things lie ---------------------------------------------------------------------------
VAR_DIR = env.folder("HELIX_VAR_DIR", BASE_DIR / "var")

# --- core ---------------------------------------------------------------------------------------
SECRET_KEY = env.text("SECRET_KEY") or read_or_create(VAR_DIR / "secret_key", get_random_secret_key)
# Signs the audit log. Never the SECRET_KEY: that one may be rotated, this one must outlive the log.
AUDIT_KEY = env.text("AUDIT_KEY") or read_or_create(VAR_DIR / "audit_key", partial(token_hex, 32))
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.listed("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # browsers' preload lists: for the owner of the whole domain to decide
]

INSTALLED_APPS = [
    "core",
    "accounts",
    "audit",
    "django_q",  # before jobs, whose admin takes its pages away
    "jobs",
    "providers",
    "preferences",
    "operations",
    "scheduling",
    "analytics",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",  # its templates, for FORM_RENDERER
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "core.middleware.OriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SignInMiddleware",
    "accounts.middleware.ZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.DomainErrorMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["core.templatetags.ui", "template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "analytics.context.health",
                "preferences.context.look",
            ],
        },
    },
]

FORM_RENDERER = "core.forms.Renderer"

# --- database -----------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", VAR_DIR / "helix.sqlite3")}
_database = DATABASES["default"]
_database["CONN_MAX_AGE"] = None  # no pool: its threads do not survive the worker's fork
_database["CONN_HEALTH_CHECKS"] = True
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    make_database_file(_database["NAME"])
    _database.setdefault("OPTIONS", {}).update(
        # Deferred transactions fail at once when a read turns into a write; IMMEDIATE ones queue.
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )

# --- cache --------------------------------------------------------------------------------------
REDIS_URL = env.redis("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "show_overview"
LOGOUT_REDIRECT_URL = "sign_in"

# --- secrets ------------------------------------------------------------------------------------
# Master keys of the built-in store, newest first; where none is given, a file under VAR_DIR.
SECRET_STORE_KEYS = env.listed("SECRET_STORE_KEYS")
# What references in rows may reach: variables by name or pattern, the providers' own and more, and
# directories.
HELIX_SECRET_ENV_ALLOW = [
    *(
        f"{vendor}_API_KEY"
        for vendor in ("ANTHROPIC", "DEEPSEEK", "GEMINI", "OPENAI", "OPENAI_COMPATIBLE")
    ),
    *env.listed("HELIX_SECRET_ENV_ALLOW"),
]
HELIX_SECRET_FILE_ALLOW = env.listed("HELIX_SECRET_FILE_ALLOW")
DEFAULT_EXCEPTION_REPORTER = "core.debug.MaskingReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "core.debug.MaskingFilter"

# --- what a browser may do ----------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# HELIX_HTTPS=1 where browsers reach Helix over HTTPS, also when a proxy ends it. (uvicorn believes
# X-Forwarded-Proto from the addresses in FORWARDED_ALLOW_IPS, 127.0.0.1 by default.)
HELIX_HTTPS = env.flag("HELIX_HTTPS")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HELIX_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HELIX_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "core.views.csrf_failure"

# --- log ----------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "mask_secrets": {"()": "core.logs.MaskSecrets"},
        "one_line_refusals": {"()": "core.logs.OneLineRefusals"},
    },
    "formatters": {"lines": {"()": "core.logs.Lines"}, "json": {"()": "core.logs.JsonLines"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["one_line_refusals", "mask_secrets"],
            "formatter": "json" if env.flag("HELIX_LOG_JSON") else "lines",
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Their own handlers would write past the filter. django-q2 says two lines
    # a job, uvicorn one a request.
    "loggers": {
        name: {"handlers": [], "propagate": True, "level": level}
        for name, level in {
            "django": "INFO",
            "django.server": "INFO",
            "django-q": "WARNING",
            "uvicorn": "INFO",
            "uvicorn.access": "WARNING",
            "httpx2": "WARNING",  # a line for each call of a provider otherwise
            "google_genai": "WARNING",
            "fontTools": "WARNING",  # every glyph's name otherwise
        }.items()
    },
}

# --- time and language --------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# --- static files -------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "staticfiles"  # made by `manage.py setup`
ASSETS_DIR = VAR_DIR / "assets"  # made by `manage.py build_assets`
ASSETS_DIR.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static", ASSETS_DIR]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "core.finders.PackageFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.storage.CollectedStorage"},
}

# --- background jobs (django-q2) ----------------------------------------------------------------
# Runs are not django-q2 tasks: the engine loop in each of its worker processes reads our own table.
Q_CLUSTER = {
    "name": "helix",
    "orm": "default",
    "workers": 1 if IS_SQLITE else 2,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 300,
    "retry": 1200,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,
    "recycle": 500,
    "max_rss": 400_000,
    "save_limit": 250,
    "guard_cycle": 1,
}
# Seconds between two starts of a periodic job, by its name: "jobs.clean_up=86400"; 0 is never.
HELIX_JOB_INTERVALS = env.intervals("HELIX_JOB_INTERVALS")

# --- providers ----------------------------------------------------------------------------------
# Keys and addresses of vendors are read where they are used (providers/vendors.py names them).
HELIX_SIMULATED_PROVIDER = env.text("HELIX_SIMULATED_PROVIDER")

# --- the engine ---------------------------------------------------------------------------------
# Calls at once, per process; past 200 the HTTP client is what they wait for.
HELIX_CONCURRENCY = env.whole("HELIX_CONCURRENCY", 100, at_least=1, at_most=200)
HELIX_CALL_TIMEOUT_S = env.seconds("HELIX_CALL_TIMEOUT_S", 60.0, at_most=3_600)  # of one attempt

# --- scheduling ---------------------------------------------------------------------------------
# Between two fires of a schedule; at most a year.
HELIX_MIN_INTERVAL_S = env.whole("HELIX_MIN_INTERVAL_S", 60, at_least=0, at_most=31_536_000)
# What is over is answered with 429: deliveries to one schedule, over ten seconds, and those that
# one address could not sign, in a minute.
HELIX_WEBHOOKS_PER_S = env.whole("HELIX_WEBHOOKS_PER_S", 250, at_least=1, at_most=10_000)
HELIX_WEBHOOK_REFUSALS = env.whole("HELIX_WEBHOOK_REFUSALS", 600, at_least=1, at_most=100_000)
