"""Settings of the test suite: quick passwords, plain static files, mail in memory."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("HELIX_VAR_DIR", tempfile.mkdtemp(prefix="helix-test-"))
os.environ.setdefault("SECRET_KEY", "tests-only")

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A file, not memory: only a file has the locks and the journal that production has.
_name = os.environ.get("HELIX_TEST_DB", "")
if IS_SQLITE:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / f"{_name or 'test'}.sqlite3"}  # noqa: F405
elif _name:  # several people may test on one server
    DATABASES["default"]["TEST"] = {"NAME": _name}  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405  # WhiteNoise warns where there is none
