"""The web process must not load a vendor's SDK: two seconds and 127 MB."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from importlib import import_module

import django
django.setup()
from django.conf import settings
import_module(settings.ROOT_URLCONF)
import providers.adapters, providers.admin, providers.catalogue, providers.services
from providers.catalogue import ProviderInfo
from providers.models import Provider

for kind in Provider.Kind.values:
    providers.adapters.open_adapter(
        ProviderInfo(kind, kind, kind, "", "", True, False, 0, None, None)
    )
heavy = ("anthropic", "openai", "google.genai", "pydantic_ai", "genai_prices", "httpx2", "httpx")
print([name for name in heavy if name in sys.modules])
"""


def test_no_vendor_sdk_is_loaded_before_the_first_call() -> None:
    program = f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings_test'\n{PROGRAM}"

    done = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == "[]", done.stderr
